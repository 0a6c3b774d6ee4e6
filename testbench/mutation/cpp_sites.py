"""Mutants of C++ sources, found in the syntax trees of libclang. Only function bodies are changed, and no text of a macro."""
import re
import sys

from clang import cindex
from clang.cindex import CursorKind as K
from clang.cindex import TypeKind as T

from sites import Mutant

FUNCTIONS = (K.FUNCTION_DECL, K.CXX_METHOD, K.CONSTRUCTOR, K.FUNCTION_TEMPLATE, K.CONVERSION_FUNCTION, K.DESTRUCTOR)
NARROWER = {"std::int64_t": "std::int32_t", "std::uint64_t": "std::uint32_t", "std::int32_t": "std::int16_t",
            "std::uint32_t": "std::uint16_t", "std::int16_t": "std::int8_t", "std::uint16_t": "std::uint8_t",
            "int": "std::int16_t", "i64": "i32", "u64": "u32", "i32": "std::int16_t", "u32": "std::uint16_t",
            "double": "float"}
CAST = re.compile(r"static_cast<([\w:]+)>\(|([\w:]+)[({]")
SIZES = {"std::int8_t": 1, "std::uint8_t": 1, "std::int16_t": 2, "std::uint16_t": 2}  # in bytes; all others 4
WIDE = (T.LONG, T.LONGLONG, T.ULONG, T.ULONGLONG)
# For each operator: (kind, the text that replaces "L op R"); {l} and {r} are the operands' texts.
BINARY = {
    "+": [("arithmetic", "{l} - {r}"), ("dropped", "{l}"), ("dropped", "{r}")],
    "-": [("arithmetic", "{l} + {r}"), ("swapped", "{r} - {l}"), ("dropped", "{l}")],
    "*": [("arithmetic", "{l} + {r}"), ("dropped", "{l}"), ("dropped", "{r}")],
    "/": [("arithmetic", "{l} * {r}"), ("dropped", "{l}")],
    "%": [("dropped", "{l}")],
    "<<": [("arithmetic", "{l} >> {r}"), ("dropped", "{l}"), ("boundary", "({l}) << (({r}) + 1)")],
    ">>": [("arithmetic", "{l} << {r}"), ("dropped", "{l}"), ("boundary", "({l}) >> (({r}) + 1)")],
    "&": [("logic", "{l} | {r}"), ("dropped", "{l}"), ("dropped", "{r}")],
    "|": [("logic", "{l} & {r}"), ("dropped", "{l}"), ("dropped", "{r}")],
    "^": [("logic", "{l} | {r}"), ("dropped", "{l}")],
    "<": [("boundary", "{l} <= {r}"), ("logic", "{l} > {r}")],
    "<=": [("boundary", "{l} < {r}"), ("logic", "{l} >= {r}")],
    ">": [("boundary", "{l} >= {r}"), ("logic", "{l} < {r}")],
    ">=": [("boundary", "{l} > {r}"), ("logic", "{l} <= {r}")],
    "==": [("logic", "{l} != {r}")],
    "!=": [("logic", "{l} == {r}")],
    "&&": [("logic", "{l} || {r}"), ("dropped", "{l}"), ("dropped", "{r}")],
    "||": [("logic", "{l} && {r}"), ("dropped", "{l}"), ("dropped", "{r}")],
}
COMPOUND = {"+=": "-=", "-=": "+=", "*=": "+=", "/=": "*=", "|=": "&=", "&=": "|=", ">>=": "<<=", "<<=": ">>="}


class Finder:
    """Walks one translation unit and keeps the mutants of files of the part that no other unit has shown before."""

    def __init__(self, root, part, done):
        self.root, self.part, self.done = root, part, done
        self.found, self.texts, self.macros = [], {}, {}

    def parse(self, source, arguments):
        unit = cindex.Index.create().parse(source, arguments, options=cindex.TranslationUnit.PARSE_DETAILED_PROCESSING_RECORD)
        wrong = [d.spelling for d in unit.diagnostics if d.severity >= cindex.Diagnostic.Error]
        if wrong:  # a header that only the build makes
            print(f"mutate: leaves out {source}: {wrong[0]}", file=sys.stderr)
            return
        for cursor in unit.cursor.get_children():
            if cursor.kind == K.MACRO_INSTANTIATION:
                name = self.file_of(cursor)
                if name:
                    self.macros.setdefault(name, []).append((cursor.extent.start.offset, cursor.extent.end.offset))
        seen = set()
        for cursor in unit.cursor.get_children():
            name = self.file_of(cursor)
            if name and name not in self.done:
                seen.add(name)
                self.declarations(cursor, name)
        self.done |= seen

    def file_of(self, cursor):
        file = cursor.location.file
        if not file or not file.name.startswith(f"{self.root}/{self.part}/"):
            return None
        return file.name[len(self.root) + 1 :]

    def text(self, name):
        if name not in self.texts:
            with open(f"{self.root}/{name}", encoding="latin-1") as file:
                self.texts[name] = file.read()
        return self.texts[name]

    def of(self, name, cursor):
        return self.text(name)[cursor.extent.start.offset : cursor.extent.end.offset]

    def declarations(self, cursor, name):
        if cursor.kind in FUNCTIONS:
            for child in cursor.get_children():
                if child.kind == K.COMPOUND_STMT:
                    self.walk(child, name, K.INVALID_FILE)
        elif cursor.kind.is_declaration():
            for child in cursor.get_children():
                self.declarations(child, name)

    def add(self, name, cursor, kind, text, form="expression"):
        start, end = cursor.extent.start.offset, cursor.extent.end.offset
        if form == "expression" and any(a < end and start < b for a, b in self.macros.get(name, [])):
            return
        self.found.append(Mutant(name, start, end, kind, text, form, cursor.extent.start.line))

    def walk(self, cursor, name, parent):
        kind = cursor.kind
        if kind == K.STATIC_ASSERT:
            return
        children = list(cursor.get_children())
        text = self.of(name, cursor)
        if kind == K.CASE_STMT:  # the label is a constant
            children = children[1:]
        if kind == K.VAR_DECL and ("constexpr" in text.split("=")[0].split("{")[0] or not text):
            return
        if kind == K.VAR_DECL:  # what stands before the name is its type
            children = [c for c in children if c.extent.start.offset >= cursor.location.offset]
        if kind == K.DECL_STMT and text.startswith(("constexpr", "static constexpr")):
            return
        if kind == K.IF_STMT and text.startswith("if constexpr"):
            children = children[1:]
        if kind == K.COMPOUND_STMT:
            for child in children:
                self.statement(child, name)
        getattr(self, kind.name.lower(), lambda *_: None)(cursor, children, name, parent)
        for child in children:
            if child.location.file and child.location.file.name == f"{self.root}/{name}":
                self.walk(child, name, kind)

    def statement(self, child, name):
        """What stands alone for its effect can be left out: what it should have changed is stale then."""
        ends = self.text(name)[child.extent.end.offset : child.extent.end.offset + 1]
        if ends != ";":
            return
        if child.kind in (K.BINARY_OPERATOR, K.COMPOUND_ASSIGNMENT_OPERATOR, K.CALL_EXPR, K.CXX_UNARY_EXPR):
            self.add(name, child, "stale", "", "statement")

    def binary_operator(self, cursor, children, name, parent):
        if len(children) != 2:
            return
        left, right = (self.of(name, c) for c in children)
        between = self.text(name)[children[0].extent.end.offset : children[1].extent.start.offset].strip()
        for kind, pattern in BINARY.get(between, []):
            if cursor.type.kind == T.POINTER and kind != "boundary":
                continue
            self.add(name, cursor, kind, pattern.format(l=left, r=right))
        if between in ("*", "+", "-", "<<") and cursor.type.get_canonical().kind in WIDE and not is_size(cursor):
            self.add(name, cursor, "width", f"static_cast<std::int32_t>({left} {between} {right})")

    def compound_assignment_operator(self, cursor, children, name, parent):
        left, right = (self.of(name, c) for c in children)
        between = self.text(name)[children[0].extent.end.offset : children[1].extent.start.offset].strip()
        if between in COMPOUND:
            self.add(name, cursor, "arithmetic", f"{left} {COMPOUND[between]} {right}")

    def unary_operator(self, cursor, children, name, parent):
        text = self.of(name, cursor)
        if text[:1] in ("-", "!", "~") and text[:2] != "--":
            self.add(name, cursor, "dropped", self.of(name, children[0]))

    def integer_literal(self, cursor, children, name, parent):
        text = self.of(name, cursor)
        if parent in (K.INIT_LIST_EXPR, K.CXX_FUNCTIONAL_CAST_EXPR) or not text[:1].isdigit():
            return
        self.add(name, cursor, "constant", f"{text} + 1")
        if text != "0":
            self.add(name, cursor, "constant", f"{text} - 1")

    def conditional_operator(self, cursor, children, name, parent):
        self.add(name, cursor, "dropped", self.of(name, children[1]))
        self.add(name, cursor, "dropped", self.of(name, children[2]))

    def cast(self, cursor, name, parent):
        text = self.of(name, cursor)
        match = CAST.match(text)
        target = match and (match[1] or match[2])
        operand = cursor
        while operand == cursor or operand.kind in (K.UNEXPOSED_EXPR, K.INIT_LIST_EXPR, K.PAREN_EXPR):
            inner = [c for c in operand.get_children() if c.kind.is_expression()]
            if len(inner) != 1:
                break
            operand = inner[0]
        # A value that fits the narrower type already would stay what it is.
        size = operand.type.get_canonical().get_size()
        to = SIZES.get(NARROWER.get(target), 4)
        wide = size > to and operand.kind != K.INTEGER_LITERAL and not (to == 4 and is_size(operand))
        if target in NARROWER and wide and parent != K.INIT_LIST_EXPR:
            self.add(name, cursor, "width", f"static_cast<{target}>(static_cast<{NARROWER[target]}>({text}))")

    def cxx_static_cast_expr(self, cursor, children, name, parent):
        self.cast(cursor, name, parent)

    def cxx_functional_cast_expr(self, cursor, children, name, parent):
        self.cast(cursor, name, parent)

    def call_expr(self, cursor, children, name, parent):
        text = self.of(name, cursor)
        for one, other in (("std::min", "std::max"), ("std::max", "std::min")):
            if text.startswith((one + "(", one + "<")):
                self.add(name, cursor, "boundary", other + text[len(one) :])


def is_size(cursor):
    """Whether the sum or product is of std::size_t alone. Such keep their width: a tensor whose number of elements needs
    more than 31 bits takes over 8 GiB, which no test makes."""
    signed = cursor.type.get_canonical().kind in (T.LONG, T.LONGLONG)
    return not signed and not any("uint64_t" in c.type.spelling or "long long" in c.type.spelling for c in cursor.walk_preorder())


def choose(mutant, changed, unchanged):
    if mutant.form == "statement":
        return f"if (!bitloom_mutant({mutant.number})) {unchanged}"
    return f"(bitloom_mutant({mutant.number}) ? ({changed}) : ({unchanged}))"
