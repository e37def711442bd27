"""Write type stubs of the libraries that GIMP brings, from their typelibs: runs in the Python beside a GIMP.

python3 typelibs.py FOLDER      writes Gimp.pyi, GimpUi.pyi, Gegl.pyi and Babl.pyi

What a stub says is what PyGObject makes of a library: results in a tuple, lengths and notifications left out. The
standard library and `gi` are all that may be imported here.
"""

import keyword
import sys
from pathlib import Path

from gi import _gi

VERSIONS = {"Gimp": "3.0", "GimpUi": "3.0", "Gegl": "0.4", "Babl": "0.1"}
HEAD = """\
# Written by tests/tools/stubs.py from GIMP's typelibs: do not edit.
# In a GObject library a method may take other arguments than that of the parent.
# mypy: disable-error-code="override, misc"
from collections.abc import Callable, Sequence
from typing import Any

from gi.repository import {imports}

"""
SIMPLE = {
    "gboolean": "bool",
    "gfloat": "float",
    "gdouble": "float",
    "utf8": "str",
    "filename": "str",
    "gunichar": "str",
    "error": "GLib.Error",
}
# In the libraries, and yet not for use: structures of classes, and what is private.
HIDDEN = ("Class", "Private", "Iface", "Interface")
# Annotated as what may be missing, which it never is once a plug-in runs.
NEVER_MISSING = ("get_pdb",)


def main(folder):
    repository = _gi.Repository.get_default()
    for namespace, version in VERSIONS.items():
        repository.require(namespace, version, 0)
    for namespace in VERSIONS:
        text = Stub(namespace).text(repository.get_infos(namespace))
        (folder / f"{namespace}.pyi").write_text(text, encoding="utf-8")


class Stub:
    """The stub of one library."""

    def __init__(self, namespace):
        self.namespace = namespace
        self.others = set()

    def text(self, infos):
        """Return the whole file."""
        lines = []
        for info in infos:
            lines += self.lines_of(info)
        return HEAD.format(imports=", ".join(sorted(self.others))) + "\n".join(lines) + "\n"

    def lines_of(self, info):
        name = info.get_name()
        if isinstance(info, _gi.FunctionInfo):
            return [f"def {self.signature(info)}"]
        if isinstance(info, _gi.ConstantInfo):
            return [f"{name}: {type(info.get_value()).__name__}"]
        if isinstance(info, _gi.EnumInfo):
            return self.enumeration(info)
        if isinstance(info, (_gi.ObjectInfo, _gi.InterfaceInfo)):
            return self.object(info)
        if isinstance(info, (_gi.StructInfo, _gi.UnionInfo)) and not name.endswith(HIDDEN):
            return self.structure(info)
        return []

    def enumeration(self, info):
        base = "GFlags" if info.is_flags() else "GEnum"
        values = [f"    {value.get_name().upper()} = {value.get_value()}" for value in info.get_values()]
        return [f"class {info.get_name()}({self.named('GObject', base)}):", *values, *self.methods(info)]

    def object(self, info):
        is_object = isinstance(info, _gi.ObjectInfo)
        parents = [info.get_parent(), *info.get_interfaces()] if is_object else []
        bases = [self.type_name(parent) for parent in parents if parent]
        bases = bases or [self.named("GObject", "Object" if is_object else "GInterface")]
        head = f"class {info.get_name()}({', '.join(bases)}):"
        made = ["    def __init__(self, **properties: Any) -> None: ..."] if is_object else []
        kind = f"    __gtype__: {self.named('GObject', 'GType')}"
        return [head, kind, *made, *self.methods(info), *self.virtual_methods(info)]

    def structure(self, info):
        fields = [
            f"    {attribute(field)}: {self.type_of(field.get_type(), result=True)}" for field in info.get_fields()
        ]
        body = [*fields, *self.methods(info)]
        return [f"class {info.get_name()}({self.named('GObject', 'GBoxed')}):", *(body or ["    ..."])]

    def methods(self, info):
        lines = []
        # A method named as a type comes last: in what follows it, the name would be the method's.
        for method in sorted(info.get_methods(), key=lambda method: method.get_name() in ("int", "float")):
            if method.is_constructor():
                lines += ["    @classmethod", f"    def {self.signature(method, 'cls', info)}"]
            elif method.is_method():
                lines.append(f"    def {self.signature(method, 'self')}")
            else:
                lines += ["    @staticmethod", f"    def {self.signature(method)}"]
        return lines

    def virtual_methods(self, info):
        return [f"    def do_{self.signature(method, 'self')}" for method in info.get_vfuncs()]

    def signature(self, function, first="", made=None):
        """Return `name(arguments) -> result: ...`; `made` is the class of which a constructor makes an object."""
        arguments = function.get_arguments()
        types = [function.get_return_type(), *(argument.get_type() for argument in arguments)]
        hidden = {kind.get_array_length() for kind in types if kind.get_tag() == _gi.TypeTag.ARRAY}
        callbacks = [argument for argument in arguments if argument.get_closure() != -1]
        hidden |= {callback.get_destroy() for callback in callbacks}
        data = {callback.get_closure() for callback in callbacks}
        visible = [(n, argument) for n, argument in enumerate(arguments) if n not in hidden]
        given = [(n, argument) for n, argument in visible if argument.get_direction() != _gi.Direction.OUT]
        words = [self.argument(argument, n in data, rest) for (n, argument), rest in with_rest(given)]
        results = self.results(function, visible, made)
        result = f"tuple[{', '.join(results)}]" if len(results) > 1 else (results or ["None"])[0]
        return f"{attribute(function)}({', '.join([first, *words] if first else words)}) -> {result}: ..."

    def argument(self, argument, is_data, rest):
        """Return an argument as it is written in a definition; it may be left out where all after it may."""
        name = attribute(argument)
        if is_data and not rest:
            return f"*{name}: Any"
        kind = self.optional(argument.get_type(), argument.may_be_null())
        omitted = all(other.may_be_null() for _n, other in [(0, argument), *rest])
        return f"{name}: {kind}{' = None' if omitted else ''}"

    def results(self, function, visible, made):
        kind = function.get_return_type()
        results = []
        if made:
            results.append(self.optional(made.get_name(), function.may_return_null()))
        elif not function.skip_return() and not (kind.get_tag() == _gi.TypeTag.VOID and not kind.is_pointer()):
            missing = function.may_return_null() and function.get_name() not in NEVER_MISSING
            results.append(self.optional(kind, missing, result=True))
        for _n, argument in visible:
            if argument.get_direction() != _gi.Direction.IN:
                results.append(self.optional(argument.get_type(), argument.may_be_null(), result=True))
        return results

    def optional(self, kind, may_be_null, result=False):
        name = kind if isinstance(kind, str) else self.type_of(kind, result)
        return f"{name} | None" if may_be_null and name != "Any" else name

    def type_of(self, kind, result=False):
        """Return the annotation of a typelib's type, as an argument or as a result."""
        tag = kind.get_tag_as_string()
        if tag == "GType":
            return self.named("GObject", "GType") + ("" if result else " | type")
        if tag in SIMPLE:
            module, dot, name = SIMPLE[tag].partition(".")
            return self.named(module, name) if dot else module
        if tag in ("array", "glist", "gslist"):
            item = kind.get_param_type(0)
            if tag == "array" and item.get_tag() == _gi.TypeTag.UINT8:
                return "bytes"
            return f"{'list' if result else 'Sequence'}[{self.type_of(item, result)}]"
        if tag == "ghash":
            key, value = (self.type_of(kind.get_param_type(index), result) for index in (0, 1))
            return f"dict[{key}, {value}]"
        if tag == "interface":
            return self.interface(kind.get_interface())
        return "Any" if tag == "void" else "int"

    def interface(self, info):
        """Return the annotation of a type with a name; values of any type are what PyGObject unpacks them to."""
        if isinstance(info, _gi.CallbackInfo):
            result = info.get_return_type()
            nothing = result.get_tag() == _gi.TypeTag.VOID and not result.is_pointer()
            return f"Callable[..., {'None' if nothing else self.type_of(result)}]"
        return "Any" if info.get_name() == "Value" else self.type_name(info)

    def type_name(self, info):
        return self.named(info.get_namespace(), info.get_name())

    def named(self, namespace, name):
        if namespace == self.namespace:
            return name
        if namespace == "cairo":
            return "Any"  # has no stubs
        self.others.add(namespace)
        return f"{namespace}.{name}"


def with_rest(arguments):
    """Pair each argument with those that follow it."""
    return [(pair, arguments[index + 1 :]) for index, pair in enumerate(arguments)]


def attribute(info):
    """Return the name under which PyGObject has something."""
    name = info.get_name()
    return f"{name}_" if keyword.iskeyword(name) else name


if __name__ == "__main__":
    main(Path(sys.argv[1]))
