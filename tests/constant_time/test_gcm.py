"""AES-GCM takes the same time whatever key and data are: no branch and no address depends on them.

memcheck watches uninitialized memory on its way through each kernel that it can run. For those whose
instructions it does not know there is the machine code: they are the same source, and have no
instruction with which a vector's content could get into a flag or an address."""

import os
import re
import shutil
import subprocess
import unittest

SECRETS = os.environ["SECRETS"]
ABSENT = 77
FOUND = 99

# What moves a vector's content to a general register, a flag or a mask, or uses it as an address.
ESCAPES = re.compile(
    r"\tv?(?:pextr\w+|extractps|movmsk\w+|pmovmskb|ptest|testp[sd]|u?comis[sd]|cvtt?s[sd]2u?si\w*|"
    r"pcmp[ei]str[im]|pgather\w+|gather\w+|pscatter\w+|scatter\w+|maskmov\w+|pcmp\w+k|ptestn?m\w+|"
    r"pmov\w+2m|fpclass\w+)\t"
    r"|\tv?mov[dq]\t+%[xyz]mm\d+,%[er]\w+"
    r"|\tvpcmp\w*\t[^#]*,%k\d")


def memcheck(what):
    command = ["valgrind", "--quiet", f"--error-exitcode={FOUND}", "--leak-check=no", SECRETS, what]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def code_of(source):
    """The instructions of an object file of the program."""
    folder = os.path.dirname(os.path.dirname(SECRETS)) + "/tests/constant_time/CMakeFiles/secrets.dir"
    found = [os.path.join(top, f) for top, _, files in os.walk(folder) for f in files
             if f == source + ".o"]
    return subprocess.run(["objdump", "-d", "--no-show-raw-insn", *found], check=True,
                          stdout=subprocess.PIPE, text=True).stdout


class ConstantTime(unittest.TestCase):
    def test_secrets(self):
        if shutil.which("valgrind") is None:
            self.skipTest("valgrind is not installed")
        self.assertEqual(memcheck("leak").returncode, FOUND, "memcheck sees nothing")
        seen = []
        for kernel in ("vaes512", "vaes256", "aesni", "armv8", "bearssl"):
            with self.subTest(kernel):
                done = memcheck(kernel)
                self.assertIn(done.returncode, (0, ABSENT), done.stdout)
                if done.returncode == 0:
                    seen.append(kernel)
        print("watched by memcheck:", *seen)
        self.assertIn("bearssl", seen)

    def test_machine_code(self):
        for source in ("gcm_aesni.c", "gcm_vaes256.c", "gcm_vaes512.c"):
            with self.subTest(source):
                code = code_of(source)
                if "aesenc" not in code:
                    self.skipTest("another architecture")
                self.assertEqual(ESCAPES.findall(code), [])

    def test_what_escapes_is_seen(self):
        for line in ("vmovq\t%xmm1,%rax", "movd\t%xmm0,%eax", "vpextrd\t$0x3,%xmm0,%ecx",
                     "vptest\t%ymm0,%ymm0", "vpcmpeqb\t%zmm1,%zmm2,%k1", "pmovmskb\t%xmm3,%edx",
                     "vpgatherdd\t%ymm1,(%rax,%ymm0,4),%ymm2"):
            self.assertRegex("  12:\t" + line, ESCAPES)
        for line in ("vmovdqu\t%ymm0,(%rax)", "movd\t%eax,%xmm0", "vmovq\t%rax,%xmm1",
                     "movq\t%xmm0,%xmm1", "vpinsrd\t$0x3,%eax,%xmm0,%xmm0"):
            self.assertNotRegex("  12:\t" + line, ESCAPES)


if __name__ == "__main__":
    unittest.main()
