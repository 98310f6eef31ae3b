# SPDX-FileCopyrightText: the stayd authors
# SPDX-License-Identifier: MIT
"""Certificates for the tests, made by the openssl command: a root, an intermediate, and below
it certificates for a few names; some of them wrong in one way each."""
import os
import subprocess

from .players import program

EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
RSA = ("-newkey", "rsa:2048")

CA_CONF = """[ca]
default_ca = one
[one]
database = {folder}/index
serial = {folder}/serial
new_certs_dir = {folder}
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
"""


class Pki:
    def __init__(self, folder):
        self.folder = folder
        self._request("root", EC)
        self._sign("root", None, "basicConstraints=critical,CA:TRUE", 30)
        self._request("between", EC)
        self._sign("between", "root", "basicConstraints=critical,CA:TRUE", 30)
        for name, key, days in (("mush", EC, 30), ("rsa", RSA, 30), ("other", EC, 30),
                                ("old", EC, 0), ("player", EC, 30)):
            self.make(name, key, days)

    def make(self, name, key, days=30, host=None):
        """name.chain and name.key, of this kind of key, for name.example or this host."""
        self._request(name, key)
        self._sign(name, "between", f"subjectAltName=DNS:{host or name + '.example'}", days)
        self._chain(name, name, "between")

    def path(self, name):
        return os.path.join(self.folder, name)

    def _openssl(self, *arguments):
        done = subprocess.run([program("openssl"), *arguments], cwd=self.folder,
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def _request(self, name, key):
        self._openssl("req", "-new", *key, "-nodes", "-subj", f"/CN={name}.example",
                      "-keyout", f"{name}.key", "-out", f"{name}.request")

    def _sign(self, name, issuer, extension, days):
        with open(self.path("extensions"), "w", encoding="utf-8") as file:
            file.write(extension + "\n")
        by = ["-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key", "-CAcreateserial"] if issuer \
            else ["-signkey", f"{name}.key"]
        self._openssl("x509", "-req", "-in", f"{name}.request", "-out", f"{name}.pem",
                      "-days", str(days), "-extfile", "extensions", *by)

    def _chain(self, name, *parts):
        with open(self.path(f"{name}.chain"), "w", encoding="utf-8") as chain:
            for part in parts:
                with open(self.path(f"{part}.pem"), encoding="utf-8") as file:
                    chain.write(file.read())

    def make_dated(self, name, start, end, issuer="between"):
        """name.chain and name.key, valid from and to these times (YYYYMMDDHHMMSSZ)."""
        self._request(name, EC)
        for file, text in (("index", ""), ("serial", "1000\n"), ("ca.conf", CA_CONF)):
            with open(self.path(file), "w", encoding="utf-8") as out:
                out.write(text.format(folder=self.folder))
        with open(self.path("extensions"), "w", encoding="utf-8") as out:
            out.write(f"subjectAltName=DNS:{name}.example\n")
        self._openssl("ca", "-batch", "-notext", "-config", "ca.conf", "-cert", f"{issuer}.pem",
                      "-keyfile", f"{issuer}.key", "-in", f"{name}.request", "-out", f"{name}.pem",
                      "-startdate", start, "-enddate", end, "-extfile", "extensions")
        self._chain(name, name, issuer)

    def listener(self, port, *names, **more):
        """A TLS listener on 127.0.0.1 with these certificates."""
        names = names or ("mush",)
        return {"address": f"127.0.0.1:{port}",
                "certificate": ", ".join(self.path(f"{name}.chain") for name in names),
                "key": ", ".join(self.path(f"{name}.key") for name in names),
                **{key.replace("_", "-"): value for key, value in more.items()}}

    def player_certificate(self):
        return self.path("player.chain"), self.path("player.key")
