"""What bash, zsh and fish offer at a line's end, with the completions of an installation."""

import os
import pty
import subprocess

from programs import environment, run, wait_until

BASH = """
source "$1"
line=("${@:3}")
COMP_WORDS=("${line[@]}") COMP_CWORD=$((${#line[@]} - 1)) COMPREPLY=()
"$2" || exit
[ ${#COMPREPLY[@]} = 0 ] || printf '%s\\n' "${COMPREPLY[@]}"
"""

# Says when its line editor is ready; ^T writes the line to a file and clears it.
ZSHRC = """
fpath=($FOLDER $fpath)
autoload -Uz compinit && compinit -u -d $ZDOTDIR/dump
PS1= LISTMAX=1000
zle-line-init() { : > $ZDOTDIR/ready }
save() { print -rn -- $BUFFER > $ZDOTDIR/part; mv $ZDOTDIR/part $ZDOTDIR/line; BUFFER= }
zle -N zle-line-init
zle -N save
bindkey '^T' save
bindkey '^I' expand-or-complete
"""


class Bash:
    def __init__(self, share, cwd):
        self.folder = share / "bash-completion/completions"
        self.cwd = cwd

    def offers(self, *words):
        """A list: the last word is the one to complete, '=' is a word of its own."""
        function = "_" + words[0].replace("-", "_")
        done = run("bash", "--norc", "-c", BASH, "bash", self.folder / words[0], function, *words,
                   cwd=self.cwd)
        if done.code != 0 or done.err:
            raise AssertionError(f"bash, {words}: {done}")
        return done.text.splitlines()


class Fish:
    def __init__(self, share, cwd, home):
        self.folder = share / "fish/vendor_completions.d"
        self.cwd = cwd
        self.env = environment(HOME=home, XDG_CONFIG_HOME=home, XDG_DATA_HOME=home)

    def offers(self, line):
        script = 'source "$FILE"; complete -C "$LINE"'
        done = run("fish", "--no-config", "-c", script, cwd=self.cwd,
                   env=dict(self.env, FILE=str(self.folder / f"{line.split()[0]}.fish"), LINE=line))
        if done.code != 0 or done.err:
            raise AssertionError(f"fish, {line!r}: {done}")
        return [offer.split("\t")[0] for offer in done.text.splitlines()]


class Zsh:
    """An interactive zsh on a terminal of its own."""

    def __init__(self, share, cwd, home):
        self.home = home
        (home / ".zshrc").write_text(ZSHRC)
        self.terminal, inner = pty.openpty()
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "zsh", "-d", "-i"], cwd=cwd,
            env=environment(ZDOTDIR=home, HOME=home, TERM="vt100",
                            FOLDER=share / "zsh/site-functions"),
            stdin=inner, stdout=inner, stderr=inner, start_new_session=True)
        os.close(inner)
        self._wait_for("ready")

    def _wait_for(self, name):
        file = self.home / name
        wait_until(file.exists, f"zsh's {name}")
        text = file.read_text()
        file.unlink()
        return text

    def completed(self, line):
        """What TAB makes of the line."""
        os.write(self.terminal, line.encode() + b"\t\x14")
        return self._wait_for("line")

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)
