# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""Mutants of a C file: which there are, and the text in which one number switches between them.

    drop      a store, or a call, is left out
    swap      two neighbouring stores, in the other order
    negate    a comparison or a condition, negated
    border    < becomes <=, and so on
    logic     && becomes ||, and the other way round
    limit     a number, one more
    sign      + becomes -, and the other way round
    return    of `return 0` and `return -1`, the other one

A mutant's name is of the file's, the function's and its own words, so that it outlives other changes of the file.
"""
import re

NEGATED = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
BORDER = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
LOGIC = {"&&": "||", "||": "&&"}
SIGN = {"+": "-", "-": "+"}
INTEGERS = {"int", "unsigned int", "long", "unsigned long", "short", "unsigned short", "char", "unsigned char",
            "signed char", "long long", "unsigned long long", "_Bool", "bool"}
WRAPPERS = {"ImplicitCastExpr", "ParenExpr", "ConstantExpr", "CStyleCastExpr", "ExprWithCleanups"}
# Nobody hears of these but who reads the log, or they have no effect that a later one sees.
SILENT = re.compile(r"(log_\w+|say_\w+|POINT|assert|static_assert|free|EVP_\w*free|madvise|atomic_\w+_fence)\s*\(")
# Copying is storing, and like plain stores it has no order in C but by what is atomic, a call or a point between.
PLAIN_CALLS = {"memcpy", "memset", "explicit_bzero", "OPENSSL_cleanse", "buffer_take"}
# Names of others' numbers: one more is another name, and no limit.
FOREIGN = re.compile(r"(true|false|NULL|errno|E[A-Z0-9]+|(SO|SOL|MSG|AF|SOCK|SHUT|F|O|MAP|PROT|SCM|SYS|POLL|SIG|EVP|"
                     r"OSSL|MADV|MLOCK|FALLOC|SIOC)_?[A-Z0-9_]+|LOG_[A-Z]+)$")
SKIPPED = {"UnaryExprOrTypeTraitExpr", "StaticAssertDecl", "OffsetOfExpr", "StringLiteral", "CharacterLiteral"}


class Mutant:
    def __init__(self, file, function, kind, begin, end, text, words):
        self.file, self.function, self.kind = file, function, kind
        self.begin, self.end, self.text = begin, end, text
        self.words = words
        self.number = 0
        self.name = ""


def short(text, most=90):
    words = " ".join(re.sub(r"//[^\n]*", "", text).split())
    return words if len(words) <= most else words[:most - 3] + "..."


def bare(node):
    while node.get("kind") in WRAPPERS and node.get("inner"):
        node = node["inner"][-1]
    return node


def type_of(node):
    words = node.get("type", {})
    name = words.get("desugaredQualType", words.get("qualType", ""))
    return re.sub(r"\b(const|volatile|_Atomic)\b|[()]", "", name).strip()


def is_expression(node):
    return node.get("kind", "").endswith(("Expr", "Operator", "Literal"))


class Finder:
    """All mutants of one file's functions."""

    def __init__(self, file, text):
        self.file, self.text = file, text
        self.mutants = []
        self.function = None
        self.returns = None
        self.seen = set()

    def add(self, kind, begin, end, text, words=None):
        if (kind, begin, end) in self.seen:
            return
        self.seen.add((kind, begin, end))
        self.mutants.append(Mutant(self.file, self.function, kind, begin, end, text,
                                   short(words or self.text.bytes[begin:end])))

    def source(self, node):
        place = self.text.range(node)
        return self.text.bytes[place[0]:place[1]] if place else None

    # ---- statements ----

    def store_of(self, statement):
        """"store" or "call", if this expression statement is one that counts."""
        place = self.text.range(statement)
        begin = statement["range"]["begin"]
        at = begin.get("expansionLoc", begin).get("offset")
        if at is None or (place is None and "expansionLoc" not in begin):
            return None
        if SILENT.match(re.sub(r"^\(void\)", "", self.text.bytes[at:at + 60])):
            return None
        node = bare(statement)
        kind = node["kind"]
        if kind == "AtomicExpr" or kind == "CompoundAssignOperator":
            return "store"
        if kind == "BinaryOperator" and node["opcode"] == "=":
            return "store"
        if kind == "UnaryOperator" and node["opcode"] in ("++", "--"):
            return "store"
        return "call" if kind in ("CallExpr", "StmtExpr") else None

    def statement_place(self, statement):
        begin = statement["range"]["begin"]
        at = begin.get("expansionLoc", begin)["offset"]
        return at, self.text.statement_end(at)

    def is_plain(self, statement):
        """Is it an ordinary store? The order of two of them is the compiler's."""
        node = bare(statement)
        if node["kind"] == "CallExpr":
            callee = bare(node["inner"][0])
            return callee.get("referencedDecl", {}).get("name") in PLAIN_CALLS
        return node["kind"] in ("BinaryOperator", "CompoundAssignOperator", "UnaryOperator") and \
            "_Atomic" not in node["inner"][0].get("type", {}).get("qualType", "")

    def take_block(self, children):
        run = []
        for child in [*children, None]:
            kind = self.store_of(child) if child and is_expression(child) else None
            is_point = child and is_expression(child) and \
                self.text.bytes.startswith("POINT(", self.place_or_zero(child))
            if kind:
                run.append((self.statement_place(child), self.is_plain(child)))
            elif not is_point:
                self.take_run(run)
                run = []

    def place_or_zero(self, statement):
        begin = statement["range"]["begin"]
        return begin.get("expansionLoc", begin).get("offset", 0)

    def take_run(self, run):
        for (first, is_first_plain), (second, is_second_plain) in zip(run, run[1:]):
            if is_first_plain and is_second_plain and "POINT(" not in self.text.bytes[first[1]:second[0]]:
                continue
            one, other = self.text.bytes[slice(*first)], self.text.bytes[slice(*second)]
            between = self.text.bytes[first[1]:second[0]]
            begin, end = run[0][0][0], run[-1][0][1]
            whole = self.text.bytes[begin:first[0]] + other + between + one + self.text.bytes[second[1]:end]
            self.seen.discard(("swap", begin, end))
            self.add("swap", begin, end, whole, short(one, 60) + " <> " + short(other, 60))

    def take_statement(self, statement):
        if not is_expression(statement) or not self.store_of(statement):
            return
        begin, end = self.statement_place(statement)
        self.add("drop", begin, end, "")

    # ---- expressions ----

    def take_condition(self, node):
        node = bare(node)
        if node["kind"] == "BinaryOperator" and (node["opcode"] in NEGATED or node["opcode"] in LOGIC):
            return
        if node["kind"] in ("IntegerLiteral", "ConditionalOperator"):
            return
        place = self.text.range(node)
        if place and place[2] is None:
            self.add("negate", place[0], place[1], "!(" + self.text.bytes[place[0]:place[1]] + ")")

    def take_operator(self, node):
        place = self.text.range(node)
        operator = node["opcode"]
        left, right = (self.source(child) for child in node["inner"])
        if not place or place[2] or left is None or right is None:
            return
        begin, end, _ = place
        if self.is_error_idiom(operator, right):
            self.add("negate", begin, end, f"({left}) {NEGATED[operator]} ({right})")
            return
        for kind, table in (("negate", NEGATED), ("border", BORDER), ("logic", LOGIC)):
            if operator in table:
                self.add(kind, begin, end, f"({left}) {table[operator]} ({right})")
        if operator in SIGN and type_of(node) in INTEGERS:
            self.add("sign", begin, end, f"({left}) {SIGN[operator]} ({right})")

    def is_error_idiom(self, operator, right):
        """`< 0` and `>= 0` ask whether a call has failed: no limit that may lie one beside."""
        return operator in ("<", ">=") and right == "0"

    def take_limit(self, node, parents):
        place = self.text.range(node)
        if not place or type_of(node) not in INTEGERS:
            return
        begin, end, macro = place
        if macro and FOREIGN.match(macro):
            return
        outer = next((parent for parent in reversed(parents) if parent["kind"] not in WRAPPERS), None)
        if outer is None or outer["kind"] not in ("BinaryOperator", "VarDecl", "CompoundAssignOperator") or \
                outer.get("opcode") in ("|", "&", "^", "|=", "&=", "^=", "<<", ">>"):
            return
        source = self.text.bytes[begin:end]
        if outer.get("opcode") == "=" and source == "1":
            return  # a mark
        if len(outer.get("inner", ())) == 2 and self.is_error_idiom(outer.get("opcode"), source):
            return
        context = None
        if is_expression(outer) and outer["kind"] != "InitListExpr":
            context = self.source(outer)
        elif outer["kind"] == "VarDecl":
            context = outer["name"]
        self.add("limit", begin, end, f"{source} + 1", source + (" of " + context if context else ""))

    def take_return(self, node):
        value = bare(node["inner"][0]) if node.get("inner") else None
        if value is None:
            return
        if self.returns in ("bool", "_Bool"):
            self.take_condition(node["inner"][0])
            source = self.source(value)
            if source in ("true", "false"):
                begin, end, _ = self.text.range(value)
                self.add("negate", begin, end, "!" + source, "return " + source)
        elif self.returns == "int" and self.source(value) in ("0", "-1"):
            begin, end, _ = self.text.range(value)
            self.add("return", begin, end, "-1" if self.source(value) == "0" else "0",
                     "return " + self.source(value))

    # ---- the walk ----

    def walk(self, node, parents):
        kind = node.get("kind")
        if not kind or kind in SKIPPED or node.get("storageClass") == "static" and kind == "VarDecl":
            return
        children = node.get("inner", [])
        bodies = []
        if kind == "CompoundStmt":
            bodies = children
            self.take_block(children)
        elif kind == "IfStmt":
            bodies = children[1:]
            self.take_condition(children[0])
        elif kind == "WhileStmt":
            bodies = children[-1:]
            self.take_condition(children[0])
        elif kind == "DoStmt":
            bodies = children[:1]
            self.take_condition(children[1])
        elif kind == "ForStmt":
            bodies = children[-1:]
            if children[2].get("kind"):
                self.take_condition(children[2])
        elif kind in ("CaseStmt", "DefaultStmt"):
            bodies = children[-1:]
            children = bodies
        elif kind == "ConditionalOperator":
            self.take_condition(children[0])
        elif kind == "BinaryOperator":
            if node["opcode"] in LOGIC:
                for child in children:
                    self.take_condition(child)
            self.take_operator(node)
        elif kind == "ReturnStmt":
            self.take_return(node)
        for body in bodies:
            if body.get("kind"):
                self.take_statement(body)
        place = self.text.range(node) if is_expression(node) else None
        if place and place[2]:  # all of it is a macro's: it counts as one number, or not at all
            self.take_limit(node, parents)
            return
        if kind == "IntegerLiteral":
            self.take_limit(node, parents)
        for child in children:
            self.walk(child, [*parents, node])

    def take_function(self, node):
        self.function = node["name"]
        self.returns = node["type"]["qualType"].split("(")[0].strip()
        self.walk(node["inner"][-1] if node["inner"][-1]["kind"] == "CompoundStmt" else
                  next(child for child in node["inner"] if child["kind"] == "CompoundStmt"), [])


def name_all(mutants):
    counts = {}
    for mutant in sorted(mutants, key=lambda it: (it.file, it.begin, it.end, it.kind, it.text)):
        name = f"{mutant.file} {mutant.function}: {mutant.kind}: {mutant.words}"
        counts[name] = counts.get(name, 0) + 1
        mutant.name = name if counts[name] == 1 else f"{name} ({counts[name]})"


def render(text, mutants):
    """The text with all these mutants in it, each switched by its number."""
    groups = {}
    for mutant in mutants:
        groups.setdefault((mutant.begin, mutant.end), []).append(mutant)
    places = sorted(groups, key=lambda place: (place[0], -place[1]))

    def inside(begin, end, queue):
        """The text of [begin, end), with the places in the queue that lie in it."""
        out, at = [], begin
        while queue and queue[0][0] < end:
            place = queue.pop(0)
            inner_queue = []
            while queue and queue[0][1] <= place[1]:
                inner_queue.append(queue.pop(0))
            out.append(text[at:place[0]])
            out.append(switch(groups[place], inside(place[0], place[1], inner_queue)))
            at = place[1]
        out.append(text[at:end])
        return "".join(out)

    return inside(0, len(text), places)


def switch(mutants, original):
    is_statement = mutants[0].kind in ("drop", "swap")
    if not is_statement:
        for mutant in mutants:
            original = f"(stayd_is({mutant.number}) ? ({mutant.text}) : ({original}))"
        return original
    for mutant in mutants:
        original = "{ if (stayd_is(%d)) { %s } else { %s } }" % (mutant.number, mutant.text, original)
    return original
