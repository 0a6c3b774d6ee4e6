"""Mutants of SystemVerilog: the right side of an assignment or a condition is chosen between two texts, so that all mutants
stand in one build. The text is read by tokens; what it does not understand it leaves alone."""
import re

from sites import Mutant

TOKEN = re.compile(r"\s+|//[^\n]*|/\*.*?\*/|\"[^\"]*\"|\d*'s?[bdh][0-9a-fA-F_xz]+|'[01]|[A-Za-z_$][\w$]*(?:::\w+)?|\d+|"
                   r"<<<|>>>|===|!==|\+:|-:|<<|>>|<=|>=|==|!=|&&|\|\||~\^|~&|~\||.", re.S)
SWAPS = {
    "+": [("arithmetic", "-")], "-": [("arithmetic", "+")], "*": [("arithmetic", "+")],
    "<<": [("arithmetic", ">>")], ">>": [("arithmetic", "<<")], ">>>": [("width", ">>")], "<<<": [("arithmetic", ">>>")],
    "<": [("boundary", "<="), ("logic", ">")], ">": [("boundary", ">="), ("logic", "<")], ">=": [("boundary", ">")],
    "<=": [("boundary", "<")], "==": [("logic", "!=")], "!=": [("logic", "==")],
    "&&": [("logic", "||")], "||": [("logic", "&&")], "&": [("logic", "|")], "|": [("logic", "&")], "^": [("logic", "|")],
}
UNARY_AFTER = {"(", "[", "{", ",", "?", ":", "=", "<=", "&&", "||", "!", "~", "+", "-", "*", "&", "|", "^", "==", "!=", "<", ">", ">="}


def tokens(text):
    return [(m.start(), m.group()) for m in TOKEN.finditer(text) if not m.group().isspace() and not m.group().startswith(("//", "/*"))]


def expressions(text):
    """(start, end) of the right sides of assignments in statements, of `if (...)` conditions, and whole statements to drop."""
    all_tokens = tokens(text)
    open_brackets, statement, inside = 0, None, False
    for i, (at, token) in enumerate(all_tokens):
        if token in ("function", "always_comb", "always_ff", "assign"):
            inside = True
        elif token in ("endmodule", "endfunction", "localparam", "parameter", "generate"):
            inside = False
        if token in ("(", "[", "{"):
            open_brackets += 1
        elif token in (")", "]", "}"):
            open_brackets -= 1
        if open_brackets == 0 and token in ("begin", "end", ";", "else", "assign", ":"):
            statement = i + 1
        elif inside and open_brackets == 0 and token in ("=", "<=") and statement is not None and i > statement:
            first = all_tokens[statement][1]
            end = closing(all_tokens, i + 1)
            if end and re.match(r"[A-Za-z_{]", first) and first not in ("if", "for", "logic", "localparam", "genvar", "int", "typedef"):
                yield "right", all_tokens[i + 1][0], all_tokens[end][0]
                in_always = all_tokens[statement - 1][1] != "assign"
                if in_always and token == "<=":
                    yield "whole", all_tokens[statement][0], all_tokens[end][0]
            statement = None
        elif inside and token == "if" and all_tokens[i + 1][1] == "(":
            end = matching(all_tokens, i + 1)
            yield "right", all_tokens[i + 1][0] + 1, all_tokens[end][0]
            statement = end + 1


def closing(all_tokens, i):
    depth = 0
    while i < len(all_tokens):
        token = all_tokens[i][1]
        depth += (token in ("(", "[", "{")) - (token in (")", "]", "}"))
        if token == ";" and depth == 0:
            return i
        i += 1
    return None


def matching(all_tokens, i):
    depth = 0
    while True:
        token = all_tokens[i][1]
        depth += (token == "(") - (token == ")")
        if depth == 0:
            return i
        i += 1


def changes(expression):
    """(kind, changed text) of one expression: an operator, a number or a condition changed, outside of brackets of indices."""
    inside = tokens(expression)
    index = 0
    for i, (at, token) in enumerate(inside):
        index += (token == "[") - (token == "]")
        before = inside[i - 1][1] if i else "("
        if index:
            continue
        if token in SWAPS and before not in UNARY_AFTER:
            for kind, other in SWAPS[token]:
                yield kind, expression[:at] + other + expression[at + len(token) :]
        elif token in ("~", "!") or (token == "-" and before in UNARY_AFTER):
            yield "dropped", expression[:at] + expression[at + 1 :]
        elif re.fullmatch(r"\d+'s?d\d+", token):
            width, _, number = re.match(r"(\d+)'(s?)d(\d+)", token).groups()
            sized = token[: token.index("d") + 1]
            yield "constant", expression[:at] + sized + str((int(number) + 1) % (1 << int(width))) + expression[at + len(token) :]


def find(name, text):
    found = []
    for form, start, end in expressions(text):
        line = text.count("\n", 0, start) + 1
        if form == "whole":
            found.append(Mutant(name, start, end, "stale", "", "statement", line))
            continue
        for kind, changed in changes(text[start:end]):
            found.append(Mutant(name, start, end, kind, changed, "expression", line))
    return found


def choose(mutant, changed, unchanged):
    if mutant.form == "statement":
        return f"if (!bitloom_mutant({mutant.number})) {unchanged}"
    return f"(bitloom_mutant({mutant.number}) ? ({changed}) : ({unchanged}))"
