"""packages_test.py BUILD_DIRECTORY: the Debian packages of a build: what is in them, what lintian and systemd say, that the
manual pages and example configurations name every option. tests/packaging/run installs them."""
import gzip
import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import tomllib
import unittest

ROOT = pathlib.Path(__file__).parents[2]
PROGRAMS = {"revoked": "usr/sbin", "revoked-gateway": "usr/sbin", "revokectl": "usr/bin"}
SERVICES = {"revoked": "revoked.toml", "revoked-gateway": "gateway.toml"}
# Not for a file of options, or of the machine that asks.
NOT_CONFIGURED = {"help", "version", "config", "dev"}
OTHER_DEFAULTS = {"threads", "data-dir", "engine-key-file"}
MOST_EXPOSURE = 2.5


def run(*command, **options):
    return subprocess.run(command, text=True, capture_output=True, **options)


def help_of(program, *command):
    return subprocess.run([BUILD / "bin" / program, *command, "--help"], check=True, text=True,
                          capture_output=True).stdout


def options_of(text):
    """Names without dashes, with the default if one is shown."""
    found = re.findall(r"^  (?:-\w,)?--([\w-]+)(?: (?:\w+)(?::[^=\n]*?)?=(\S+))?", text, re.M)
    return dict(found)


def all_options(program, *path):
    """Those of the program and of its commands."""
    text = help_of(program, *path)
    names = set(options_of(text))
    commands = text.partition("\nSubcommands:\n")[2].partition("\n\n")[0]
    for command in re.findall(r"^  (\w+)", commands, re.M):
        names |= all_options(program, *path, command)
    return names


def setUpModule():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="revoked-packages-"))
    unittest.addModuleCleanup(shutil.rmtree, folder)
    made = run("cpack", "--config", BUILD / "CPackConfig.cmake", "-B", folder, "-D", "CPACK_DEBIAN_COMPRESSION_TYPE=gzip")
    if made.returncode != 0:
        raise AssertionError(made.stdout + made.stderr)
    Case.folder, Case.root = folder, folder / "root"
    Case.packages = {file.name.split("_")[0]: file for file in folder.glob("*.deb")}
    for file in Case.packages.values():
        subprocess.run(["dpkg-deb", "--extract", file, Case.root], check=True)


class Case(unittest.TestCase):
    folder: pathlib.Path  # with the packages; root is what they install


class Packages(Case):
    def test_are_those_of_the_components(self):
        self.assertEqual(set(self.packages), {"revoked", "revoked-gateway", "revokectl", "librevoked-gateway0",
                                              "librevoked-gateway-dev"})

    def field(self, package, name):
        return run("dpkg-deb", "--field", self.packages[package], name, check=True).stdout.strip()

    def test_have_no_errors_for_lintian(self):
        found = run("lintian", "--allow-root", "--fail-on", "error", *self.packages.values())
        self.assertEqual(found.returncode, 0, found.stdout + found.stderr)

    def test_have_their_programs_without_symbols(self):
        for program, folder in PROGRAMS.items():
            file = self.root / folder / program
            self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o755)
            self.assertIn("no symbols", run("nm", file).stderr)

    def test_of_the_library_compile_an_example(self):
        found = os.environ | {"PKG_CONFIG_PATH": self.root / "usr/lib/pkgconfig"}
        flags = run("pkg-config", "--cflags", "--libs", "revoked-gateway", env=found, check=True).stdout.split()
        made = run("cc", ROOT / "tools/gateways/library/check.c", *flags, "-o", self.folder / "check")
        self.assertEqual((made.returncode, made.stderr), (0, ""))
        loaded = run("ldd", self.folder / "check", env=os.environ | {"LD_LIBRARY_PATH": self.root / "usr/lib"}).stdout
        self.assertIn(f"librevoked-gateway.so.0 => {self.root}/usr/lib/", loaded)

    def test_name_the_libraries_and_configuration_files(self):
        self.assertRegex(self.field("revoked", "Depends"), r"systemd.*librocksdb.*libssl3")
        for package in ("revoked-gateway", "librevoked-gateway0"):
            self.assertRegex(self.field(package, "Depends"), r"libhiredis.*libssl3")
            self.assertNotIn("librocksdb", self.field(package, "Depends"))
        for package, file in {"revoked": "revoked.toml", "revoked-gateway": "gateway.toml",
                              "revokectl": "revokectl.toml"}.items():
            control = run("dpkg-deb", "--info", self.packages[package], "conffiles", check=True).stdout
            self.assertEqual(control, f"/etc/revoked/{file}\n")
            self.assertTrue((self.root / "etc/revoked" / file).is_file())
            self.assertTrue(list((self.root / "usr/share/doc" / package).glob("changelog*.gz")), package)

    def test_have_scripts_that_a_shell_can_read(self):
        for package in SERVICES:
            for script in ("postinst", "prerm", "postrm"):
                text = run("dpkg-deb", "--info", self.packages[package], script, check=True).stdout
                self.assertIn(f"{package}.service", text)
                self.assertEqual(run("sh", "-n", input=text).stderr, "")

    def test_complete_commands_in_each_shell(self):
        for file in ("bash-completion/completions/revokectl", "zsh/vendor-completions/_revokectl",
                     "fish/vendor_completions.d/revokectl.fish"):
            self.assertIn("revokectl", (self.root / "usr/share" / file).read_text())


class Manuals(Case):
    def test_name_every_option(self):
        for program in PROGRAMS:
            page = next((self.root / "usr/share/man").rglob(f"{program}.[18].gz"))
            text = gzip.decompress(page.read_bytes()).decode().replace("\\-", "-")
            for option in all_options(program):
                self.assertRegex(text, rf"--{option}\b", f"{page.name} without --{option}")
            for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "FILES", "EXIT STATUS", "EXAMPLES"):
                self.assertIn(f".SH {section}\n", text, page.name)


class Configurations(Case):
    def lines(self, file):
        """What the file sets, and what it would set without the comment signs."""
        text = (self.root / "etc/revoked" / file).read_text()
        commented = re.sub(r"^# (?=[\w-]+ = )", "", text, flags=re.M)
        return text, commented

    def test_name_every_option_with_its_default(self):
        for program, file in SERVICES.items():
            options = options_of(help_of(program))
            values = tomllib.loads(self.lines(file)[1])
            self.assertEqual(set(values), set(options) - NOT_CONFIGURED, file)
            for name, value in values.items():
                if name not in OTHER_DEFAULTS:
                    self.assertEqual(str(value), options[name], f"{file}: {name}")

    def test_start_the_programs(self):
        (self.folder / "key").write_text("a-key-for-the-gateway-0123456789\n")
        changes = {"data-dir": self.folder / "data", "engine-key-file": self.folder / "key"}
        for program, file in SERVICES.items():
            for text in self.lines(file):
                # As in the file, but for paths that only an installation has, and a free port.
                for name, path in changes.items():
                    text = re.sub(rf'^{name} = .*$', f'{name} = "{path}"', text, flags=re.M)
                text = re.sub(r"^(# )?listen = .*$", 'listen = "127.0.0.1:0"', text, flags=re.M)
                (self.folder / file).write_text(text)
                with subprocess.Popen([BUILD / "bin" / program, "--config", self.folder / file],
                                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
                    self.assertIn(" is ready on http://127.0.0.1:", process.stdout.readline())
                    process.terminate()
                    self.assertEqual(process.wait(), 0)

    def test_of_revokectl_names_an_engine(self):
        values = tomllib.loads((self.root / "etc/revoked/revokectl.toml").read_text())
        self.assertEqual(set(values["engine"][values["default"]]), {"url", "key_file"})


class Services(Case):
    UNITS = ("revoked.service", "revoked-gateway.service")

    def units(self):
        return [self.root / "usr/lib/systemd/system" / unit for unit in self.UNITS]

    def test_are_valid(self):
        found = run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", f"--root={self.root}", *self.units())
        self.assertEqual((found.returncode, found.stderr), (0, ""))

    def test_are_exposed_little(self):
        for unit in self.units():
            found = run("systemd-analyze", "security", "--offline=true", "--no-pager", unit)
            exposure = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", found.stdout)[1])
            print(f"{unit.name}: exposure {exposure}", file=sys.stderr)
            self.assertLessEqual(exposure, MOST_EXPOSURE)

    def test_notify_and_restart(self):
        for unit in self.units():
            for line in ("Type=notify", "WatchdogSec=30", "Restart=on-failure", "WantedBy=multi-user.target"):
                self.assertIn(line + "\n", unit.read_text())


class BillOfMaterials(Case):
    def test_has_the_fields_that_spdx_requires(self):
        file = self.folder / "revoked.spdx.json"
        subprocess.run([sys.executable, "-B", ROOT / "tools/packaging/bill_of_materials.py", BUILD, file], check=True)
        document = json.loads(file.read_text())
        for field in ("spdxVersion", "dataLicense", "SPDXID", "name", "documentNamespace", "creationInfo"):
            self.assertTrue(document[field], field)
        self.assertEqual((document["spdxVersion"], document["dataLicense"]), ("SPDX-2.3", "CC0-1.0"))
        self.assertRegex(document["creationInfo"]["created"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        for package in document["packages"]:
            for field in ("SPDXID", "name", "versionInfo", "downloadLocation"):
                self.assertTrue(package[field], package)
            self.assertRegex(package["SPDXID"], r"^SPDXRef-[A-Za-z0-9.-]+$")
        ids = [package["SPDXID"] for package in document["packages"]]
        self.assertEqual(len(ids), len(set(ids)))
        for relation in document["relationships"]:
            self.assertIn(relation["relatedSpdxElement"], ids)
            self.assertIn(relation["spdxElementId"], [*ids, "SPDXRef-DOCUMENT"])
        names = {package["name"] for package in document["packages"]}
        # Loaded, and compiled in.
        self.assertLessEqual({"revoked", "revokectl", "librevoked-gateway", "libc6", "libcli11-dev", "libxxhash-dev"}, names)
        self.assertTrue(any(name.startswith("libboost") for name in names))


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
