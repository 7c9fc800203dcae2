/* Completions that option tables make: what kind each option is, and the three scripts' text. That
 * the shells understand them is tests/integration/test_manual.py's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/config/completion_internal.h"

#include <stdlib.h>
#include <string.h>

static const struct option table[] = {
    {"file", 'f', "FILE", NULL, NULL, NULL, "A file's name.", 0},
    {"dir", 0, "DIR", NULL, NULL, NULL, "A directory.", OPTION_MANY},
    {"kind", 'k', "V1|V2", NULL, NULL, NULL, "It's [a] kind: C:\\x.", OPTION_MANY},
    {"host", 0, "HOST[:PORT]", NULL, NULL, NULL, "A host.", 0},
    {"quick", 'q', NULL, NULL, NULL, NULL, "A flag.", 0},
    {"buried", 0, "FILE", NULL, NULL, NULL, "Hidden.", OPTION_HIDDEN},
};
static const struct option_group own = OPTION_GROUP("Own", table);
static const struct option_group *const own_groups[] = {&own, NULL};
static const struct program alone = {.name = "a-program", .groups = own_groups};

static const struct program print_command = {
    .name = "prog print", .summary = "Prints it.", .operands = "pac|unit", .groups = own_groups};
static const struct program open_command = {
    .name = "prog open", .summary = "Opens it: 'now'. Then ends.", .groups = own_groups};
static const struct program *const commands[] = {&open_command, &print_command, NULL};
static const struct option_group *const general[] = {&program_options, NULL};
static const struct program with_commands = {
    .name = "prog", .commands = commands, .needs_command = true, .groups = general};

static char *script;

static const char *written(const struct program *p, const char *shell)
{
    size_t size;
    free(script);
    FILE *out = open_memstream(&script, &size);
    assert_non_null(out);
    assert_true(completion_write(p, shell, out));
    fclose(out);
    return script;
}

static int release(void **state)
{
    (void)state;
    free(script);
    script = NULL;
    return 0;
}

#define assert_has(text, part)                                                                     \
    if (strstr(text, part) == NULL)                                                                \
    fail_msg("\"%s\" is not in:\n%s", part, text)

static void kinds(void **state)
{
    (void)state;
    static const struct {
        const char *argument;
        enum completion_kind kind;
    } cases[] = {
        {NULL, COMPLETION_FLAG},
        {"FILE", COMPLETION_FILES},
        {"DIR", COMPLETION_DIRECTORIES},
        {"text|json", COMPLETION_WORDS},
        {"V1|V2", COMPLETION_WORDS},
        {"V1", COMPLETION_WORDS},
        {"src", COMPLETION_WORDS},
        {"AWS|GCP", COMPLETION_WORDS},
        {"N", COMPLETION_UNKNOWN},
        {"MAP", COMPLETION_UNKNOWN},
        {"HOST[:PORT]", COMPLETION_UNKNOWN},
        {"KEY=VALUE", COMPLETION_UNKNOWN},
        {"ID[,ID...]", COMPLETION_UNKNOWN},
        {"ADDRESS:PORT", COMPLETION_UNKNOWN},
        {"REGION=HOST", COMPLETION_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct option option = {.name = "x", .argument = cases[i].argument};
        if (completion_kind(&option) != cases[i].kind)
            fail_msg("%s is not %d", cases[i].argument, (int)cases[i].kind);
    }
}

static void briefs(void **state)
{
    (void)state;
#define LONG "Where clients find SOCKS5, SOCKS4a, HTTP and other things that go on for ever"
    static const struct {
        const char *help, *brief;
    } cases[] = {
        {"A word.", "A word"},
        {"No stop", "No stop"},
        {"One. Two.", "One"},
        {"One.\nTwo.", "One"},
        {"One\nTwo.", "One"},
        {"In ~/.aws/credentials. More.", "In ~/.aws/credentials"},
        {"Short: with a colon.", "Short: with a colon"},
        {LONG ": ADDRESS:PORT or a path.", LONG},
        {LONG " (more: or less; so).", LONG},
        {LONG "; auto: two.", LONG},
        {LONG LONG ".", LONG LONG},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct span got = completion_brief(cases[i].help);
        if (!span_is(got, cases[i].brief))
            fail_msg("\"%.*s\" and not \"%s\"", (int)got.n, got.p, cases[i].brief);
    }
}

static void no_such_shell(void **state)
{
    (void)state;
    static const char *const names[] = {"", "tcsh", "BASH", "bash "};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t size;
        free(script);
        FILE *out = open_memstream(&script, &size);
        assert_false(completion_write(&alone, names[i], out));
        fclose(out);
        assert_int_equal(size, 0);
    }
}

static void bash(void **state)
{
    (void)state;
    written(&alone, "bash");
    assert_has(script, "\n_a_program()\n");
    assert_has(script, "-f|--file) names=-f ;;\n");
    assert_has(script, "--dir) names=-d ;;\n");
    assert_has(script, "-k|--kind) words='V1 V2' ;;\n");
    assert_has(script, "--host) ;;\n");
    assert_has(script, "options='-f --file --dir -k --kind --host -q --quick'\n");
    assert_has(script, "\ncomplete -F _a_program a-program\n");
    assert_null(strstr(script, "buried"));
    written(&with_commands, "bash");
    assert_has(script, "((COMP_CWORD > 1)) || words='open print'\n");
    assert_has(script, "            words='pac unit'\n");
    assert_has(script, "options='-h --help -V --version'\n");
}

static void zsh(void **state)
{
    (void)state;
    written(&alone, "zsh");
    assert_ptr_equal(strstr(script, "#compdef a-program\n"), script);
    assert_has(script, "'(-f --file)'{-f+,--file=}'[A file'\\''s name]:FILE:_files'");
    assert_has(script, "'*--dir=[A directory]:DIR:_files -/'");
    assert_has(script, "'*'{-k+,--kind=}'[It'\\''s \\[a\\] kind\\: C\\:\\\\x]:V1|V2:(V1 V2)'");
    assert_has(script, "'--host=[A host]:HOST[\\:PORT]: '");
    assert_has(script, "'(-q --quick)'{-q,--quick}'[A flag]'");
    assert_null(strstr(script, "buried"));
    written(&with_commands, "zsh");
    assert_has(script, "        'open:Opens it\\: '\\''now'\\'''\n");
    assert_has(script, "print) shift words; (( CURRENT-- )); _prog_print; return ;;");
    assert_has(script, "':what:(pac unit)'");
}

static void fish(void **state)
{
    (void)state;
    written(&alone, "fish");
    assert_has(script, "complete -c a-program -f\n");
    assert_has(script, "complete -c a-program -s f -l file -r -F -d 'A file\\'s name'\n");
    assert_has(script, "complete -c a-program -l dir -x -a '(__fish_complete_directories)' -d ");
    assert_has(script, " -s k -l kind -x -a 'V1 V2' -d 'It\\'s [a] kind: C:\\\\x'\n");
    assert_has(script, "complete -c a-program -l host -x -d 'A host'\n");
    assert_has(script, "complete -c a-program -s q -l quick -d 'A flag'\n");
    assert_null(strstr(script, "buried"));
    written(&with_commands, "fish");
    assert_has(script, "-n '__prog_command print' -a 'pac unit'\n");
    assert_has(script, "-n '__prog_command open' -s f -l file");
    assert_null(strstr(script, "-l verbose"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds),
        cmocka_unit_test(briefs),
        cmocka_unit_test_teardown(no_such_shell, release),
        cmocka_unit_test_teardown(bash, release),
        cmocka_unit_test_teardown(zsh, release),
        cmocka_unit_test_teardown(fish, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
