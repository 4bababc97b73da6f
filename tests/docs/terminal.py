"""What a program shows on a terminal, and a picture of it. Knows the few control sequences that revokectl uses."""
import fcntl
import html
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

COLOURS = {"1": "bold", "31": "red", "32": "green", "33": "yellow"}
STYLE = """text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#d7dce2;white-space:pre}
.bold{font-weight:700}.red{fill:#ff7b72}.green{fill:#7ee787}.yellow{fill:#f2cc60}.prompt{fill:#8b949e}"""
CHARACTER_WIDTH, LINE_HEIGHT, MARGIN = 8.43, 20, 16


class Screen:
    """Lines of (character, style)."""

    def __init__(self):
        self.lines = [[]]
        self.column = 0
        self.style = ""

    def feed(self, text):
        for sequence, character in re.findall(r"(\x1b\[[0-9;]*[A-Za-z])|(.)", text, re.S):
            if sequence.endswith("m"):
                self.style = COLOURS.get(sequence[2:-1], "")
            elif sequence == "\x1b[K":
                del self.lines[-1][self.column:]
            elif character == "\n":
                self.lines.append([])
                self.column = 0
            elif character == "\r":
                self.column = 0
            elif character:
                line = self.lines[-1]
                line.extend([(" ", "")] * (self.column + 1 - len(line)))
                line[self.column] = (character, self.style)
                self.column += 1

    def text(self):
        return "\n".join("".join(character for character, _ in line).rstrip() for line in self.lines)

    def svg(self):
        lines = self.lines[:-1] if not self.lines[-1] else self.lines
        width = MARGIN * 2 + max(map(len, lines)) * CHARACTER_WIDTH
        height = MARGIN * 2 + len(lines) * LINE_HEIGHT
        out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" role="img">',
               f'<style>{STYLE}</style><rect width="100%" height="100%" rx="8" fill="#161b22"/>']
        for number, line in enumerate(lines):
            spans, at = [], 0
            while at < len(line):
                end = at
                while end < len(line) and line[end][1] == line[at][1]:
                    end += 1
                text = html.escape("".join(character for character, _ in line[at:end]))
                spans.append(f'<tspan class="{line[at][1]}">{text}</tspan>' if line[at][1] else text)
                at = end
            y = MARGIN + number * LINE_HEIGHT + 14
            out.append(f'<text x="{MARGIN}" y="{y}" xml:space="preserve">{"".join(spans)}</text>')
        return "\n".join(out) + "\n</svg>\n"


def run(command, directory, environment, look=lambda screen: None, seconds=60):
    """Runs a command on a terminal of 120 columns. `look` gets the screen after each change."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    process = subprocess.Popen(command, cwd=directory, env=environment | {"TERM": "xterm"}, stdin=slave, stdout=slave,
                               stderr=slave, start_new_session=True)
    os.close(slave)
    screen = Screen()
    pending = b""
    until = time.monotonic() + seconds
    try:
        while time.monotonic() < until:
            if not select.select([master], [], [], 0.05)[0]:
                if process.poll() is not None:
                    break
                continue
            try:
                piece = os.read(master, 65536)
            except OSError:  # the program has closed its side
                break
            if not piece:
                break
            pending += piece
            whole = pending.decode(errors="ignore")
            if whole.endswith("\x1b") or re.search(r"\x1b\[[0-9;]*$", whole):
                continue
            pending = b""
            screen.feed(whole.replace("\r\n", "\n"))
            look(screen)
        return process.wait(30), screen
    finally:
        process.kill()
        os.close(master)
