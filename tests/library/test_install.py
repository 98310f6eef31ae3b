# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""What `make install` leaves, in a folder of its own: it is where a fresh Debian looks for it."""
import glob
import json
import os
import re
import shutil
import subprocess

import pytest

from test_library import BUILD, CC, IS_PLAIN, ROOT, read, run

SBIN = "/usr/local/sbin:/usr/sbin:/sbin"
pytestmark = pytest.mark.skipif(not IS_PLAIN, reason="nobody installs a build with sanitizers")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """All of it, below a folder that stands for `/`."""
    if not os.access(os.path.join(BUILD, "meson-logs", "."), os.W_OK):
        pytest.skip("meson notes each installation in the build's folder, which is another user's")
    root = tmp_path_factory.mktemp("root")
    run("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", str(root))
    assert (root / "usr/local/sbin/stayd").exists()
    return root


def documents(installed):
    return glob.glob(f"{installed}/usr/local/share/doc/stayd/**/*.md", recursive=True)


@pytest.fixture
def environment(installed):
    """pkg-config looks where it does on its own, but below the folder."""
    folders = run("pkg-config", "--variable=pc_path", "pkg-config").strip().split(":")
    below = [f"{installed}{folder}" for folder in folders] + folders
    return {**os.environ, "PKG_CONFIG_LIBDIR": ":".join(below)}


def flags(environment, installed, *packages):
    """The installed file names its final place."""
    found = run("pkg-config", "--cflags", "--libs", *packages, env=environment).split()
    return [re.sub("^(-[IL])(/usr/local)", rf"\1{installed}\2", flag) for flag in found]


def folder_of(installed, name):
    return os.path.dirname(glob.glob(f"{installed}/usr/local/lib*/**/{name}", recursive=True)[0])


def test_where_libraries_go_hangs_on_no_package_of_the_machine():
    source = os.path.join(ROOT, "meson.build")
    done = subprocess.run(["meson", "introspect", "--buildoptions", source], capture_output=True,
                          text=True, check=True)
    options = json.loads(done.stdout)
    assert next(option["value"] for option in options if option["name"] == "libdir") == "lib"


def test_the_runtime_linker_looks_where_the_libraries_are(installed):
    done = subprocess.run([shutil.which("ldconfig", path=SBIN), "-v", "-N", "-X"],
                          capture_output=True, text=True, check=False)
    looked = re.findall(r"^(/.*?):", done.stdout, re.MULTILINE)
    looked += re.findall(r"Can't stat (/.*?):", done.stderr)  # which are not there yet
    for name in ("libstay.so.0", "libstayd-preload.so"):
        assert folder_of(installed, name).removeprefix(str(installed)) in looked, looked


@pytest.mark.parametrize("how", ("shared", "static"))
@pytest.mark.parametrize("name", ("chat_bare", "chat_stay", "chat_poll", "chat_libevent"))
def test_every_example_builds_as_an_author_would(installed, environment, tmp_path, name, how):
    source = f"{installed}/usr/local/share/doc/stayd/examples/{name}.c"
    words = flags(environment, installed, "stay", "libevent")
    if how == "static":
        words = [f"-l:lib{word[2:]}.a" if word == "-lstay" else word for word in words]
    run(CC, "-Wall", "-Werror", "-o", "chat", source, *words, cwd=tmp_path)
    needed = run("readelf", "-d", "chat", cwd=tmp_path)
    assert ("libstay.so.0" in needed) == (how == "shared" and name != "chat_bare")
    if name == "chat_bare":
        return
    asked = subprocess.run(
        ["./chat", "relative"], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "LD_LIBRARY_PATH": folder_of(installed, "libstay.so")})
    assert asked.returncode != 0 and "absolute path" in asked.stderr


def test_a_library_that_is_preloaded_by_its_name_is_found(installed):
    done = subprocess.run(["/bin/true"], capture_output=True, text=True, check=False,
                          env={"LD_PRELOAD": "libstayd-preload.so",
                               "LD_LIBRARY_PATH": folder_of(installed, "libstayd-preload.so")})
    assert done.stderr == "" and done.returncode == 0


def test_the_unit_names_programs_that_are_installed(installed):
    unit = read(installed, "usr/local/lib/systemd/system/stayd.service")
    lines = "\n".join(re.findall(r"^Exec\w+=.*", unit, re.MULTILINE))
    programs = re.findall(r"/usr/local/\S+", lines)
    assert len(programs) == 3
    for program in programs:
        assert os.access(f"{installed}{program}", os.X_OK), program


def test_the_links_of_installed_documents_lead_somewhere(installed):
    assert len(documents(installed)) > 10
    for document in documents(installed):
        for target in re.findall(r"\]\(([^)#]+)", read(document)):
            path = os.path.join(os.path.dirname(document), target)
            assert "://" in target or os.path.exists(path), (document, target)


def test_what_manuals_and_protocols_name_is_installed(installed):
    share = f"{installed}/usr/local/share"
    paths = glob.glob(f"{share}/man/*/*") + glob.glob(f"{share}/doc/stayd/PROTOCOL.*")
    assert len(paths) == 8
    text = "\n".join(read(path) for path in paths)
    named = set(re.findall(r"(?:/usr/local/share/doc/stayd|\bdoc|\bexamples)/[\w./-]*\w", text))
    named -= {"doc/proxy-protocol.txt"}  # haproxy's
    assert len(named) >= 4
    for name in named:
        inside = re.sub("^(/usr/local/share/)?doc/(stayd/)?", "", name)
        assert os.path.exists(f"{share}/doc/stayd/{inside}"), name


def made_for(target):
    """The objects, libraries and programs that are made on the way to it."""
    return set(re.findall(r" -o (\S+)", run("ninja", "-C", BUILD, "-t", "commands", target)))


def test_make_install_builds_all_that_is_installed_and_no_test():
    built = made_for("for-install")
    paths = json.loads(run("meson", "introspect", "--installed", BUILD))
    names = {os.path.relpath(path, BUILD) for path in paths if path.startswith(BUILD)}
    programs = {name for name in names if "." not in os.path.basename(name) and
                os.access(os.path.join(BUILD, name), os.X_OK)}
    assert programs == {"stayd", "stayctl", "minimush/minimush", "src/dropin/stayd-ssl-slave"}
    assert programs <= built
    assert {"lib/libstay.so.0.1.0", "lib/preload/libstayd-preload.so"} <= built
    assert not [name for name in built if name.startswith("tests/")]


def test_make_run_builds_what_it_runs_and_no_more():
    built = made_for("for-run")
    assert {"stayd", "stayctl", "minimush/minimush"} <= built
    assert len(built) * 2 < len(made_for("all"))
    assert not [name for name in built if name.startswith(("tests/", "src/dropin/", "doc/"))]
