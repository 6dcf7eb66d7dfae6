# SPDX-License-Identifier: Apache-2.0
"""
A time-stamp authority for tests: `openssl ts` behind an HTTP server on the loopback.

    with tsa.Authority(folder) as authority:
        authority.url, authority.ca          # where to POST requests; the certificate that it leads to

`python3 tsa.py FOLDER TEXT` makes the files that tests/unit/test_stamp.c reads.
"""
import http.server
import pathlib
import subprocess
import sys
import threading

CONFIG = """
[ req ]
distinguished_name = name
prompt = no
[ name ]
CN = {cn}
[ root ]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
[ stamping ]
basicConstraints = CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[ tsa ]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
certs = {folder}/ca.pem
default_policy = 1.2.3.4.1
digests = sha256
signer_digest = sha256
accuracy = secs:1
ordering = no
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


class Authority:
    def __init__(self, folder, name="Test Time"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ca = self.folder / "ca.pem"
        self.requests = []
        self.answer = self.reply  # what the server does with a request; tests put lies here
        self._server = None
        if not self.ca.exists():
            self._make(name)

    def _config(self, cn):
        path = self.folder / f"{cn.split()[-1]}.cnf"
        path.write_text(CONFIG.format(folder=self.folder, cn=cn))
        return path

    def _openssl(self, *words, stdin=None):
        done = subprocess.run(["openssl", *map(str, words)], input=stdin, cwd=self.folder,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def _make(self, name):
        root, leaf = self._config(f"{name} Root"), self._config(f"{name} Authority")
        (self.folder / "serial").write_text("01\n")
        for key in ("ca.key", "tsa.key"):
            self._openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
                          "-out", key)
        self._openssl("req", "-new", "-x509", "-key", "ca.key", "-config", root, "-extensions",
                      "root", "-days", "3650", "-sha256", "-out", "ca.pem")
        self._openssl("req", "-new", "-key", "tsa.key", "-config", leaf, "-out", "tsa.csr")
        self._openssl("x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                      "-set_serial", "2", "-extfile", leaf, "-extensions", "stamping", "-days",
                      "3650", "-sha256", "-out", "tsa.pem")

    def reply(self, request):
        """The TimeStampResp (DER) to a TimeStampReq."""
        (self.folder / "request.tsq").write_bytes(request)
        return self._openssl("ts", "-reply", "-config", self._config("Test Authority"), "-section",
                             "tsa", "-queryfile", "request.tsq")

    def query(self, text):
        """A request over `text` as openssl makes it."""
        (self.folder / "text").write_bytes(text)
        return self._openssl("ts", "-query", "-data", "text", "-sha256", "-cert")

    def verifies(self, response, text):
        """What openssl says of a response, by this authority's root."""
        (self.folder / "text").write_bytes(text)
        (self.folder / "response.tsr").write_bytes(response)
        done = subprocess.run(["openssl", "ts", "-verify", "-data", "text", "-in", "response.tsr",
                               "-CAfile", "ca.pem"], cwd=self.folder, capture_output=True)
        return done.returncode == 0

    # -- as a server

    def __enter__(self):
        authority = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                authority.requests.append((self.headers.get("Content-Type"), body))
                response = authority.answer(body)
                self.send_response(200 if response else 503)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(response)))
                self.end_headers()
                self.wfile.write(response)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/tsa"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


if __name__ == "__main__":
    made = Authority(sys.argv[1])
    pathlib.Path(sys.argv[1], "stamp.tsr").write_bytes(
        made.reply(made.query(pathlib.Path(sys.argv[2]).read_bytes())))
