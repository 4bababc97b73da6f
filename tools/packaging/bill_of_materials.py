"""bill_of_materials.py BUILD FILE: writes what the programs of a build are made of, as SPDX 2.3: the Debian packages whose
libraries they load, and those whose headers they were compiled with."""
import hashlib
import json
import pathlib
import re
import subprocess
import sys
import time

FILES = {"revoked": "bin/revoked", "revoked-gateway": "bin/revoked-gateway", "revokectl": "bin/revokectl",
         "librevoked-gateway": "lib/librevoked-gateway.so"}


def run(*command, **options):
    return subprocess.run(command, check=True, text=True, capture_output=True, **options).stdout


def packages_of(files):
    """The Debian packages that files are of. /lib is /usr/lib, and packages may name it either way."""
    names = {name for file in files for name in (file, file.removeprefix("/usr"))}
    found = subprocess.run(["dpkg-query", "--search", *sorted(names)], text=True, capture_output=True).stdout
    return {line.split(":")[0].split(",")[0] for line in found.splitlines() if not line.startswith("diversion")}


def libraries(file):
    """Packages of what it loads."""
    paths = re.findall(r"=> (/\S+)|^\s*(/\S+)", run("ldd", file), re.M)
    return packages_of({str(pathlib.Path(first or second).resolve()) for first, second in paths})


def headers(build, file, log):
    """Packages of the system's files that were read to compile it, by what ninja has recorded."""
    objects = {word for word in run("ninja", "-C", build, "-t", "inputs", file).split() if word.endswith(".o")}
    files, wanted = set(), False
    for line in log.splitlines():
        if not line.startswith(" "):
            wanted = line.split(":")[0] in objects
        elif wanted and line.strip().startswith("/usr/"):
            files.add(line.strip())
    return packages_of(files)


def described(names):
    form = "${Package}\\t${Version}\\t${Architecture}\\t${Homepage}\\n"
    for line in run("dpkg-query", "--show", "--showformat", form, *sorted(names)).splitlines():
        yield line.split("\t")


def spdx_id(name):
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", name)


def package(name, version, architecture, homepage, distribution):
    return {
        "SPDXID": spdx_id("deb-" + name), "name": name, "versionInfo": version, "downloadLocation": "NOASSERTION",
        "homepage": homepage or "NOASSERTION", "filesAnalyzed": False, "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION", "copyrightText": "NOASSERTION",
        "externalRefs": [{
            "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
            "referenceLocator": f"pkg:deb/{distribution.split('-')[0]}/{name}@{version}?arch={architecture}"
                                f"&distro={distribution}"}]}


def product(build, name, version):
    digest = hashlib.sha256((build / FILES[name]).read_bytes()).hexdigest()
    return {
        "SPDXID": spdx_id(name), "name": name, "versionInfo": version, "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False, "licenseConcluded": "Apache-2.0", "licenseDeclared": "Apache-2.0",
        "copyrightText": "NOASSERTION", "primaryPackagePurpose": "LIBRARY" if name.startswith("lib") else "APPLICATION",
        "checksums": [{"algorithm": "SHA256", "checksumValue": digest}]}


def document(build):
    version = run(build / "bin/revoked", "--version").split(None, 1)[1].strip()
    release = dict(re.findall(r'^(\w+)="?(.*?)"?$', pathlib.Path("/etc/os-release").read_text(), re.M))
    distribution = release["ID"] + "-" + release["VERSION_ID"]
    log = run("ninja", "-C", build, "-t", "deps")
    loaded = {name: libraries(build / file) for name, file in FILES.items()}
    compiled = {name: headers(build, file, log) for name, file in FILES.items()}
    names = set().union(*loaded.values(), *compiled.values())
    packages = [package(*each, distribution) for each in described(names)]
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", spdx_id(name)) for name in FILES]
    for name in FILES:
        relations += [(spdx_id(name), "DYNAMIC_LINK", spdx_id("deb-" + used)) for used in sorted(loaded[name])]
        relations += [(spdx_id("deb-" + used), "BUILD_DEPENDENCY_OF", spdx_id(name)) for used in sorted(compiled[name])]
    key = hashlib.sha256(json.dumps([version, packages], sort_keys=True).encode()).hexdigest()
    return {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"revoked {version}", "documentNamespace": f"https://revoked.example.org/spdx/{key}",
        "creationInfo": {"created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                         "creators": ["Tool: tools/packaging/bill_of_materials.py"]},
        "packages": [product(build, name, version) for name in FILES] + packages,
        "relationships": [{"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
                          for one, kind, other in relations]}


if __name__ == "__main__":
    out = document(pathlib.Path(sys.argv[1]))
    pathlib.Path(sys.argv[2]).write_text(json.dumps(out, indent=1) + "\n")
