"""Runs inside GIMP as its batch command: takes calls over a loopback connection, so that one GIMP serves many tests.

Each line is {"function": "module.name", "arguments": {…}}; the answer is {"value": …} or {"error": traceback}.
"""

import importlib
import json
import os
import socket
import sys
import traceback

import gi

gi.require_version("Gegl", "0.4")
from gi.repository import Gegl

CHECKOUT = os.environ["GENERATIVE_EDIT_CHECKOUT"]


def serve():
    sys.path.insert(0, CHECKOUT)
    Gegl.init(None)
    with socket.create_connection(("127.0.0.1", int(os.environ["GENERATIVE_EDIT_DRIVER"]))) as connection:
        for line in connection.makefile("r", encoding="utf-8"):
            connection.sendall((json.dumps(answer(json.loads(line))) + "\n").encode())


def answer(call):
    module, _, name = call["function"].rpartition(".")
    try:
        function = getattr(importlib.import_module(f"tests.gimp.inside.{module}"), name)
        return {"value": function(**call["arguments"])}
    except Exception:  # noqa: BLE001 - the test process wants every traceback
        return {"error": traceback.format_exc()}


serve()
