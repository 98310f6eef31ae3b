# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""What libstay shows, in each of its forms: shared and static library, two files, header, manual."""
import os
import re
import shutil
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ["STAYD_BUILD"]
CC = os.environ.get("CC", "cc")
INCLUDE = os.path.join(ROOT, "include")
PAGE = os.path.join(ROOT, "doc", "man", "libstay.3")
IS_PLAIN = "sanitize" not in open(os.path.join(BUILD, "build.ninja"), encoding="utf-8").read()


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def run(*command, **options):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False, timeout=100, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def api():
    return set(re.findall(r"^STAY_API [^;]*?\b(stay_\w+)\(", read(INCLUDE, "stay.h"), re.MULTILINE))


def defined(*arguments):
    lines = run("nm", "--defined-only", "-g", *arguments).splitlines()
    return {line.split()[2] for line in lines if len(line.split()) == 3}


def test_there_is_an_api():
    assert {"stay_open", "stay_leave", "stay_counts"} <= api() and len(api()) >= 18


def test_the_shared_library_exports_just_the_api_with_versions():
    names = defined("-D", "--with-symbol-versions", os.path.join(BUILD, "lib", "libstay.so"))
    assert {name for name in names if name != "LIBSTAY_0"} == {f"{name}@@LIBSTAY_0" for name in api()}


def test_the_shared_library_needs_only_libc():
    text = run("readelf", "-d", os.path.join(BUILD, "lib", "libstay.so"))
    needed = re.findall(r"NEEDED.*\[(.*)\]", text)
    assert "libstay.so.0" in text
    if IS_PLAIN:
        assert needed == ["libc.so.6"]


def test_the_static_library_takes_no_name_that_a_game_may_have():
    names = defined(os.path.join(BUILD, "lib", "libstay.a"))
    assert api() <= names
    assert all(name.startswith("stay_") for name in names if not name.startswith("__"))


@pytest.mark.parametrize("standard", ("gnu11", "gnu17"))
def test_one_file_compiles_alone_and_shows_just_the_api(tmp_path, standard):
    run(CC, f"-std={standard}", "-Wall", "-Wextra", "-Werror", f"-I{INCLUDE}", "-c", "-o",
        str(tmp_path / "stay.o"), os.path.join(BUILD, "lib", "stay.c"))
    assert defined(str(tmp_path / "stay.o")) == api()


def test_one_file_and_a_game_make_a_program(tmp_path):
    for path in (os.path.join(BUILD, "lib", "stay.c"), os.path.join(INCLUDE, "stay.h"),
                 os.path.join(ROOT, "doc", "examples", "chat_stay.c")):
        shutil.copy(path, tmp_path)
    run(CC, "-I.", "-o", "chat", "chat_stay.c", "stay.c", cwd=tmp_path)
    asked = subprocess.run(["./chat", "relative"], cwd=tmp_path, capture_output=True, text=True,
                           check=False, timeout=20)
    assert asked.returncode == 1 and "absolute path" in asked.stderr


@pytest.mark.skipif(not shutil.which("g++"), reason="g++ is not there")
def test_the_header_is_clean_cxx(tmp_path):
    (tmp_path / "game.cc").write_text("""#include <stay.h>
int main()
{
    stay_options options{};
    stay_player player{};
    stay *game = stay_open(&options, nullptr, 0);
    return game != nullptr && stay_accept(game, &player) > 0 && player.origin == STAY_RESUMED;
}
""")
    run("g++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-pedantic", f"-I{INCLUDE}",
        "-fsyntax-only", str(tmp_path / "game.cc"))


def test_the_header_is_clean_c11(tmp_path):
    (tmp_path / "game.c").write_text("#include <stay.h>\nint main(void) { return 0; }\n")
    run(CC, "-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", f"-I{INCLUDE}", "-fsyntax-only",
        str(tmp_path / "game.c"))


def test_every_function_and_member_is_in_the_manual():
    page = read(PAGE)
    assert set(re.findall(r"^\.Fo (stay_\w+)", page, re.MULTILINE)) == api()
    assert set(re.findall(r"^\.Nm (stay_\w+)", page, re.MULTILINE)) >= api()
    header = re.sub(r"//.*", "", read(INCLUDE, "stay.h"))
    for kind, body in re.findall(r"^struct (\w+) {(.*?)^};", header, re.MULTILINE | re.DOTALL):
        for member in re.findall(r"(\w+)(?:\[\w+\])*;", body):
            assert re.search(rf"^\.(It )?(Va|Fa) .*\b{member}\b", page, re.MULTILINE), (kind, member)
    for word in re.findall(r"\bSTAY_(?!API|H\b)[A-Z_]+\b", header):
        assert word in page, word


def test_the_manual_formats_without_a_complaint():
    if shutil.which("groff"):
        assert run("groff", "-mdoc", "-ww", "-z", "-Tutf8", PAGE) == ""
    if shutil.which("mandoc"):
        assert run("mandoc", "-Tlint", "-Wwarning", PAGE) == ""


def test_the_retrofit_shows_the_difference_of_the_two_chats():
    shown = re.search(r"```diff\n(.*?)```", read(ROOT, "doc", "retrofit.md"), re.DOTALL)[1]
    done = subprocess.run(["diff", "-U1", "chat_bare.c", "chat_stay.c"], capture_output=True, text=True,
                          cwd=os.path.join(ROOT, "doc", "examples"), check=False)
    assert shown == re.sub(r"\A.*\n.*\n", "", done.stdout)
