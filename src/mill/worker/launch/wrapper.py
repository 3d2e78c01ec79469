"""Calls `main` of a script with its arguments by their names, and leaves what it returns or throws in result.json."""

import base64
import datetime
import importlib
import inspect
import json
import os
import sys
import traceback

FOLDER = os.path.dirname(os.path.abspath(__file__))
CONVERSIONS = {
    "bytes": base64.b64decode,
    "datetime": datetime.datetime.fromisoformat,
    "date": datetime.date.fromisoformat,
}
PLAIN = (str, dict, list, bytes, tuple, set, frozenset, range, memoryview, bytearray)


def write(text):
    part = os.path.join(FOLDER, "result.json.part")
    with open(part, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(part, os.path.join(FOLDER, "result.json"))


def conversion_of(annotation):
    name = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    return CONVERSIONS.get(name.removeprefix("datetime."))


def arguments_of(main, given):
    parameters = inspect.signature(main).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return given
    taken = {}
    for parameter in parameters:
        value = given.get(parameter.name)
        has_default = parameter.default is not parameter.empty
        if parameter.kind is parameter.VAR_POSITIONAL or (value is None and has_default):
            continue
        convert = conversion_of(parameter.annotation)
        taken[parameter.name] = convert(value) if convert and value is not None else value
    return taken


def plain(value):
    kind = type(value)
    if kind.__name__ == "DataFrame":
        return value.values.tolist() if kind.__module__.startswith("pandas") else value.rows()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, dict):
        return {key: plain(part) if isinstance(part, bytes) else part for key, part in value.items()}
    return value


def json_of(value):
    text = json.dumps(plain(value), default=str)
    # JSON has no NaN and no infinity.
    return json.dumps(json.loads(text, parse_constant=lambda _: None))


def run(main):
    with open(os.path.join(FOLDER, "args.json"), encoding="utf-8") as file:
        given = json.load(file, strict=False)
    if not callable(main):
        raise ValueError("main function is missing")
    result = main(**arguments_of(main, given))
    if inspect.iscoroutine(result):
        result.close()
        raise TypeError("main is async: it yields a coroutine and no result; call asyncio.run inside of a plain main")
    if hasattr(result, "__iter__") and not isinstance(result, PLAIN) and type(result).__name__ != "DataFrame":
        for part in result:
            print("WM_STREAM: " + part.replace("\n", "\\n"))
        result = None
    write(json_of(result))


def describe(error):
    # Without the calls of this file.
    stack = traceback.format_tb(error.__traceback__)[2:]
    described = {"message": str(error), "name": type(error).__name__, "stack": "\n".join(stack)}
    if getattr(error, "__dict__", None):
        described["extra"] = error.__dict__
    if os.environ.get("WM_FLOW_STEP_ID"):
        described["step_id"] = os.environ["WM_FLOW_STEP_ID"]
    return described


script = importlib.import_module(sys.argv[1])
try:
    run(getattr(script, "main", None))
except BaseException as error:
    traceback.print_exc()
    write(json_of(describe(error)))
    sys.exit(1)
