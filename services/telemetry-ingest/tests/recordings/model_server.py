"""A model server on loopback that speaks the OpenAI API and always answers the same.

It calls the first tool that a request offers, once, and then says that it is sunny. The model ``gpt-unavailable`` fails
with status 503. Usage is 120 tokens in, 20 of them cached, and 30 out, 10 of them reasoning.
"""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

ANSWER = "Sunny, 21 degrees."
ARGUMENTS = '{"city": "Berlin"}'
CREATED = 1_795_000_000
MODEL_SUFFIX = "-2026-08-07"
CHAT_USAGE = {
    "prompt_tokens": 120,
    "completion_tokens": 30,
    "total_tokens": 150,
    "prompt_tokens_details": {"cached_tokens": 20},
    "completion_tokens_details": {"reasoning_tokens": 10},
}
RESPONSES_USAGE = {
    "input_tokens": 120,
    "output_tokens": 30,
    "total_tokens": 150,
    "input_tokens_details": {"cached_tokens": 20},
    "output_tokens_details": {"reasoning_tokens": 10},
}
Document = dict[str, Any]


class ModelHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "Model", ""

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if request["model"] == "gpt-unavailable":
            self._answer(503, {"error": {"message": "overloaded", "type": "server_error", "code": "overloaded"}})
        elif self.path.endswith("/embeddings"):
            self._answer(200, embeddings(request))
        elif self.path.endswith("/responses"):
            self._responses(request)
        elif request.get("stream"):
            self._stream(None, chat_chunks(request))
        else:
            self._answer(200, chat(request))

    def _responses(self, request: Document) -> None:
        if request.get("stream"):
            self._stream("type", responses_events(request))
        else:
            self._answer(200, responses(request))

    def _answer(self, status: int, document: Document) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, event_field: str | None, documents: Iterator[Document]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for document in documents:
            name = f"event: {document[event_field]}\n" if event_field else ""
            self.wfile.write(f"{name}data: {json.dumps(document)}\n\n".encode())
        if not event_field:
            self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def date_time_string(self, timestamp: int | None = None) -> str:
        return "Wed, 18 Nov 2026 11:06:40 GMT"

    def log_message(self, *arguments: Any) -> None:
        """Silent."""


def wants_tool(request: Document) -> bool:
    told = request.get("messages", request.get("input", []))
    done = isinstance(told, list) and any(
        one.get("role") == "tool" or one.get("type") == "function_call_output" for one in told
    )
    return bool(request.get("tools")) and not done


def tool_name(request: Document) -> str:
    tool = request["tools"][0]
    name: str = tool.get("function", tool)["name"]
    return name


def chat(request: Document) -> Document:
    call = {"id": "call_1", "type": "function", "function": {"name": "", "arguments": ARGUMENTS}}
    message: Document = {"role": "assistant", "content": ANSWER, "refusal": None}
    if wants_tool(request):
        call["function"] = {"name": tool_name(request), "arguments": ARGUMENTS}
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
    reason = "tool_calls" if wants_tool(request) else "stop"
    return {
        **_head("chatcmpl-1", "chat.completion", request),
        "choices": [{"index": 0, "message": message, "finish_reason": reason, "logprobs": None}],
        "usage": CHAT_USAGE,
    }


def chat_chunks(request: Document) -> Iterator[Document]:
    head = _head("chatcmpl-1", "chat.completion.chunk", request)
    whole = chat(request)["choices"][0]
    delta = dict(whole["message"])
    if "tool_calls" in delta:
        delta["tool_calls"] = [{"index": 0, **call} for call in delta["tool_calls"]]
    for part, reason in ((delta, None), ({}, whole["finish_reason"])):
        yield {**head, "choices": [{"index": 0, "delta": part, "finish_reason": reason}]}
    if request.get("stream_options", {}).get("include_usage"):
        yield {**head, "choices": [], "usage": CHAT_USAGE}


def responses(request: Document) -> Document:
    item: Document = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": ANSWER, "annotations": []}],
    }
    if wants_tool(request):
        item = {"id": "fc_1", "type": "function_call", "call_id": "call_1", "status": "completed"}
        item |= {"name": tool_name(request), "arguments": ARGUMENTS}
    return {**_response_head(request), "status": "completed", "output": [item], "usage": RESPONSES_USAGE}


def responses_events(request: Document) -> Iterator[Document]:
    whole = responses(request)
    started = {**whole, "status": "in_progress", "output": [], "usage": None}
    item = whole["output"][0]
    yield {"type": "response.created", "sequence_number": 0, "response": started}
    yield {"type": "response.output_item.added", "sequence_number": 1, "output_index": 0, "item": item}
    if item["type"] == "message":
        yield {
            "type": "response.output_text.delta",
            "sequence_number": 2,
            "item_id": item["id"],
            "output_index": 0,
            "content_index": 0,
            "delta": ANSWER,
            "logprobs": [],
        }
    yield {"type": "response.output_item.done", "sequence_number": 3, "output_index": 0, "item": item}
    yield {"type": "response.completed", "sequence_number": 4, "response": whole}


def embeddings(request: Document) -> Document:
    row = {"object": "embedding", "index": 0, "embedding": [0.25, -0.5, 0.75]}
    return {
        "object": "list",
        "data": [row],
        "model": request["model"],
        "usage": {"prompt_tokens": 8, "total_tokens": 8},
    }


def _head(identity: str, kind: str, request: Document) -> Document:
    return {"id": identity, "object": kind, "created": CREATED, "model": request["model"] + MODEL_SUFFIX}


def _response_head(request: Document) -> Document:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": CREATED,
        "model": request["model"] + MODEL_SUFFIX,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "temperature": 1.0,
        "top_p": 1.0,
    }
