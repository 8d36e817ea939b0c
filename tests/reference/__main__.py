"""Write every page of the reference: `make reference`."""

from tests.reference.pages import PLACE, pages


def main() -> None:
    """Write what has changed, and say so."""
    PLACE.mkdir(exist_ok=True)
    for name, text in pages().items():
        file = PLACE / name
        if not file.exists() or file.read_text("utf-8") != text:
            file.write_text(text, "utf-8")
            print(f"reference: wrote {file.name}")


if __name__ == "__main__":
    main()
