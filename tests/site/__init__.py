"""What `mkdocs.yml` needs to make a site of the documents."""
