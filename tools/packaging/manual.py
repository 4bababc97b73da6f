"""manual.py PROGRAM SECTIONS PAGE: makes a manual page of what the program's --help says, with that of its commands, and
of the file SECTIONS: a line `program(section) - what it is`, and further sections in roff."""
import pathlib
import re
import subprocess
import sys

# Options whose default is of the machine that makes the page.
OF_THE_MACHINE = {"--threads": "the number of processors"}


def help_of(program, *command):
    run = subprocess.run([program, *command, "--help"], check=True, text=True, capture_output=True)
    return run.stdout


def escaped(text):
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return "\\&" + text if text.startswith(".") else text


class Help:
    """The parts of what CLI11 prints."""

    def __init__(self, text):
        self.options = []  # (names, what follows them, description)
        self.commands = []  # (name, description)
        self.tail = []  # lines after them: examples, exit codes
        lines = text.rstrip().split("\n")
        self.summary, self.usage = lines[0], lines[1].removeprefix("Usage: ")
        part = None
        for line in lines[2:]:
            if line in ("Options:", "Subcommands:", "Positionals:"):
                part = line
            elif line.startswith("  ") and part in ("Options:", "Positionals:"):
                self.add_option(line)
            elif line.startswith("  ") and part == "Subcommands:":
                name, description = line.split(None, 1)
                self.commands.append((name, description))
            elif line or self.tail:
                part = None
                self.tail.append(line)

    def add_option(self, line):
        if line.startswith(" " * 20):  # the description, on a line of its own
            names, value, before = self.options.pop()
            self.options.append((names, value, (before + " " + line.strip()).strip()))
            return
        words = re.match(r"  (\S+)(?: (.*?))?(?:\s{2,}(.*))?$", line)
        self.options.append((words[1], words[2] or "", words[3] or ""))


def option(names, value, description):
    variable = re.search(r" ?\(Env:(\w+)\)", value)
    value = re.sub(r" ?\(Env:\w+\)", "", value)
    default = None
    if "=" in value:
        value, default = value.split("=", 1)
    default = OF_THE_MACHINE.get(names, default)
    kind, _, allowed = value.partition(":")
    if allowed.startswith("{"):
        description += ". One of: " + allowed.strip("{}").replace(",", ", ")
    elif allowed:
        description += ". " + re.sub(r"INT in \[(\S+) - (\S+)\]", r"From \1 to \2", allowed)
    if default:
        description += f". Default: {default}"
    if variable:
        description += f". Environment: {variable[1]}"
    shown = ", ".join(f"\\fB{escaped(name)}\\fR" for name in names.split(","))
    return f".TP\n{shown}" + (f" \\fI{escaped(kind)}\\fR" if kind else "") + f"\n{escaped(description)}."


def examples(lines):
    out = []
    for line in lines:
        if line.startswith("  "):
            out.append(f".PP\n.RS 4\n.nf\n{escaped(line.strip())}\n.fi\n.RE")
        elif line:
            out.append(f".PP\n{escaped(line)}")
    return out


def commands_of(program, path, help_):
    """Of each command, and of those below it: a heading with its options."""
    for name, description in help_.commands:
        below = Help(help_of(program, *path, name))
        command = " ".join([*path, name])
        if below.commands:
            yield from commands_of(program, [*path, name], below)
            continue
        usage = below.usage.partition(command)[2].strip()
        yield f".SS {escaped(command)} {escaped(usage)}\n{escaped(description)}."
        yield from (option(*each) for each in below.options if each[0] != "-h,--help" and each[2])
        yield from examples([line for line in below.tail if line not in help_.tail])


def page(program, sections):
    title, _, rest = sections.partition("\n")
    name, section, what = re.match(r"(\S+)\((\d)\) - (.*)", title).groups()
    help_ = Help(help_of(program))
    version = subprocess.run([program, "--version"], check=True, text=True, capture_output=True).stdout.split()[1]
    kind = {"1": "User Commands", "8": "System Administration"}[section]
    yield f'.TH {name.upper()} {section} "" "revoked {version}" "{kind}"\n.nh\n.ad l'
    yield f".SH NAME\n{name} \\- {escaped(what)}"
    arguments = " ".join(escaped(word) for word in help_.usage.split()[1:])
    yield f".SH SYNOPSIS\n.B {escaped(name)}\n{arguments}"
    before, marker, after = rest.partition(".SH FILES")
    yield before.strip()
    yield ".SH OPTIONS"
    yield from (option(*each) for each in help_.options)
    if help_.commands:
        yield ".SH COMMANDS"
        yield from commands_of(program, [], help_)
    if help_.tail:
        yield ".SH EXAMPLES"
        yield from examples(line for line in help_.tail if line != "Examples:")
    yield marker + after.rstrip()


def main():
    program, sections, target = sys.argv[1:]
    lines = page(program, pathlib.Path(sections).read_text())
    pathlib.Path(target).write_text("\n".join(line for line in lines if line) + "\n")


if __name__ == "__main__":
    main()
