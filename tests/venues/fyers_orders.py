"""The FYERS endpoints that change something: orders, baskets, exits (dossier 6)."""

from collections.abc import Callable
from typing import Any

import msgspec

from .fyers_account import exit_order
from .fyers_book import Book
from .fyers_rows import PENDING
from .fyers_rules import CancelBody, ModifyBody, PlaceBody, Refused, decode
from .server import Handler, encode, ok
from .wire import Request, Response

STATUS_TEXT = {200: "HTTP OK", 400: "Bad Request"}
One = Callable[[bytes | msgspec.Raw], dict[str, Any]]


class OrderEndpoints:
    """One method for each endpoint, over *book*."""

    def __init__(self, book: Book) -> None:
        self.book = book

    def place(self, request: Request) -> Response:
        return ok(self.placed(request.body))

    def placed(self, body: bytes | msgspec.Raw, code: int = 1101) -> dict[str, Any]:
        order_id = self.book.place(decode(body, PlaceBody)).row.id
        text = f"Order submitted successfully. Your Order Ref. No.{order_id}"
        return {"s": "ok", "code": code, "message": text, "id": order_id}

    def modify(self, request: Request) -> Response:
        return ok(self.modified(request.body))

    def modified(self, body: bytes | msgspec.Raw, code: int = 1102) -> dict[str, Any]:
        entry = self.book.modify(decode(body, ModifyBody))
        text = "Successfully modified order"
        return {"s": "ok", "code": code, "message": text, "id": entry.row.id}

    def cancel(self, request: Request) -> Response:
        return ok(self.cancelled(request.body))

    def cancel_by_path(self, request: Request) -> Response:
        return ok(self.cancelled(encode({"id": request.params["id"]})))

    def cancelled(self, body: bytes | msgspec.Raw) -> dict[str, Any]:
        entry = self.book.cancel(str(decode(body, CancelBody).id))
        text = "Successfully cancelled order"
        return {"s": "ok", "code": 1103, "message": text, "id": entry.row.id}

    def multi(self, one: One) -> Handler:
        def handle(request: Request) -> Response:
            bodies = decode(request.body, list[msgspec.Raw])
            if not 1 <= len(bodies) <= 10:
                raise Refused(-50, "Invalid input")
            results = []
            for body in bodies:
                try:
                    status, answer = 200, one(body)
                except Refused as exc:
                    status, answer = exc.status, exc.body
                text = STATUS_TEXT[status]
                result = {"statusCode": status, "body": answer}
                results.append({**result, "statusDescription": text})
            return ok({"s": "ok", "code": 200, "message": "", "data": results})

        return handle

    def exit(self, request: Request) -> Response:
        wanted = decode(request.body, dict[str, Any])
        targets = [
            (key, position)
            for key, position in self.book.account.positions.items()
            if position.net and _chosen(wanted, key, position.row(0.0))
        ]
        if wanted.get("pending_orders_cancel"):
            for entry in list(self.book.orders.values()):
                key = f"{entry.row.symbol}-{entry.row.product_type}"
                if entry.is_open and wanted.get("id", key) in (key, [key]):
                    self.book.cancel(entry.row.id)
        if not targets:
            raise Refused(-352, "No open positions to exit")
        exits = [self.book.place(exit_order(position)) for _, position in targets]
        if any(entry.row.status == PENDING for entry in exits):
            text = "Exit order placed but not filled. Please check the positions."
            return ok({"s": "ok", "code": 201, "message": text})
        return ok({"s": "ok", "code": 200, "message": "The position is closed."})


def _chosen(wanted: dict[str, Any], key: str, row: dict[str, Any]) -> bool:
    """Whether an exit request means the position *key*."""
    ids = wanted.get("id")
    if ids is not None:
        return key in (ids if isinstance(ids, list) else [ids])
    if wanted.get("exit_all") or wanted.get("pending_orders_cancel"):
        return True
    try:
        products = wanted["productType"]
        return (
            row["segment"] in wanted["segment"]
            and row["side"] in wanted["side"]
            and ("ALL" in products or row["productType"] in products)
        )
    except KeyError as exc:
        raise Refused(-50, f"Invalid {exc.args[0]}") from exc
