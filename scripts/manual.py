#!/usr/bin/env python3
"""Writes the manual pages docs/man/*.[1-8] of the programs: scripts/manual.py DIRECTORY-OF-THE-PROGRAMS [DESTINATION].

What the programs say of themselves (--experimental-dump-help, --help, --version) comes into what is written by hand in
docs/man/*.in: @COMMANDS@, @OPTIONS@ and @STATUS@. The codes of @STATUS@ are those of docs/configuration.md.
"""

import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
GENERAL = ("version", "help")


def roff(text):
    """Text that is no request, and whose hyphens are those that one types."""
    lines = text.replace("\\", "\\e").replace("-", "\\-").splitlines()
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in lines)


def output_of(program, *arguments):
    return subprocess.run([program, *arguments], check=True, capture_output=True, text=True).stdout


def usage(program):
    """The lines behind USAGE: of the help, without their common margin."""
    block = output_of(program, "--help").split("USAGE: ", 1)[1].split("\n\n", 1)[0]
    return "\n".join(line.removeprefix("       ") for line in block.splitlines())


def name(argument):
    """`\\-\\-certificate <name>`, with every spelling of it."""
    dashes = {"short": "-", "long": "--", "longWithSingleDash": "-"}
    spellings = [dashes[each["kind"]] + each["name"] for each in argument.get("names", [])]
    value = f"<{argument['valueName']}>"
    if argument["kind"] == "positional":
        return f"\\fI{roff(value)}\\fR"
    text = ", ".join(f"\\fB{roff(each)}\\fR" for each in spellings)
    return text if argument["kind"] == "flag" else f"{text} \\fI{roff(value)}\\fR"


def synopsis(argument):
    text = name(argument) + (" ..." if argument["isRepeating"] else "")
    return f"[{text}]" if argument["isOptional"] else text


def definitions(arguments):
    return "".join(f".TP\n{name(each)}\n{roff(each['abstract'])}\n" for each in arguments)


def key(argument):
    return (argument["kind"], argument["valueName"], argument.get("preferredName", {}).get("name"))


class Page:
    def __init__(self, program, template):
        self.program = program
        self.template = template
        command = json.loads(output_of(program, "--experimental-dump-help"))["command"]
        self.abstract = command["abstract"]
        self.general = command["arguments"]
        self.all = [each for each in command["subcommands"] if each["commandName"] != "help"]
        # The default command is what one gets without a command's name.
        self.commands = [each for each in self.all if each["shouldDisplay"]]

    def common(self):
        """What every command takes."""
        shared = set.intersection(*({key(each) for each in command["arguments"]} for command in self.all))
        return [
            each for each in self.all[0]["arguments"] if key(each) in shared and each["valueName"] not in GENERAL
        ]

    def own(self, command):
        known = {key(each) for each in self.common()}
        return [
            each
            for each in command["arguments"]
            if key(each) not in known and each["valueName"] not in GENERAL and each["shouldDisplay"]
        ]

    def command_section(self, command):
        own = self.own(command)
        words = [f"\\fB{self.program.name} {command['commandName']}\\fR", "\\fIoptions\\fR ...", *map(synopsis, own)]
        texts = [command["abstract"], command.get("discussion", "")]
        return (
            f".SS {command['commandName']}\n{' '.join(words)}\n.PP\n"
            + "".join(roff(text) + "\n" for text in texts if text)
            + definitions(own)
        )

    def commands_section(self):
        return ".SH COMMANDS\n" + "".join(map(self.command_section, self.commands)).rstrip("\n")

    def options_section(self):
        return ".SH OPTIONS\n" + definitions(self.common() + self.general).rstrip("\n")

    def text(self):
        version = output_of(self.program, "--version").split()[1]
        title, section = self.template.name.split(".")[:2]
        summary = self.abstract[0].lower() + self.abstract[1:].rstrip(".")
        head = (
            ".\\\" Written by scripts/manual.py: change docs/man/*.in, or the help of the program.\n"
            f'.TH {title.upper()} {section} "" "Log Hamster {version}" "Log Hamster"\n'
            f".SH NAME\n{title} \\- {roff(summary)}\n"
            f".SH SYNOPSIS\n.nf\n{roff(usage(self.program))}\n.fi\n"
        )
        return head + (
            self.template.read_text()
            .replace("@COMMANDS@", self.commands_section())
            .replace("@OPTIONS@", self.options_section())
            .replace("@STATUS@", exit_codes())
        )


def exit_codes():
    lines = (ROOT / "docs/configuration.md").read_text().split("## Exit codes\n", 1)[1].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    return "\n".join(f".TP\n.B {code}\n{roff(meaning)}." for code, meaning in rows if code.isdigit())


def main():
    programs = pathlib.Path(sys.argv[1]).resolve()
    destination = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else ROOT / "docs/man"
    templates = sorted((ROOT / "docs/man").glob("*.in"))
    for template in templates:
        page = Page(programs / template.name.split(".")[0], template)
        (destination / template.stem).write_text(page.text())


main()
