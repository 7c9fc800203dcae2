/* The manual page that option tables make: its sections, and text that troff must not take for its
 * own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/config/manual.h"

#include <stdlib.h>
#include <string.h>

static const struct option table[] = {
    {"listen", 'l', "WHERE", "T_LISTEN", NULL, "here", "Where to wait. May be repeated.",
     OPTION_MANY},
    {"odd", 0, "A|B", NULL, NULL, "", ".dot 'quote' back\\slash \"say\" ^ ~ `x`\n'next.", 0},
    {"secret-thing", 0, "X", "T_HIDDEN", NULL, NULL, "Nobody sees this.", OPTION_HIDDEN},
    {"home", 0, NULL, NULL, NULL, NULL, "Reads ~/.config. .hidden files, too.", 0},
};
static const struct option_group own = OPTION_GROUP("The device's own", table);

static const struct option hidden_table[] = {
    {"nothing", 0, NULL, NULL, NULL, NULL, "Not here.", OPTION_HIDDEN},
};
static const struct option_group hidden = OPTION_GROUP("Empty title", hidden_table);

static const struct option shared_table[] = {
    {"hub", 0, "URL", "T_HUB", NULL, NULL, "Which hub.", 0},
};
static const struct option_group shared = OPTION_GROUP("Hub", shared_table);

static const struct option again_table[] = {
    {"hub-again", 0, "URL", "T_HUB", NULL, NULL, "Which hub, told in another way.", 0},
};
static const struct option_group again = OPTION_GROUP("Again", again_table);

static const struct option_group *const own_groups[] = {&own, &hidden, NULL};
static const struct program alone = {
    .name = "a-program",
    .summary = "Does a thing: well.",
    .usage = "  a-program [options]\n  .a-program\n",
    .examples = "  a-program \\\n      -l x\n",
    .groups = own_groups,
};

static const struct option_group *const open_groups[] = {&again, &shared, &program_options, NULL};
static const struct option_group *const close_groups[] = {&shared, &program_options, NULL};
static const struct program open_command = {.name = "prog open",
                                            .summary = "Opens it.",
                                            .usage = "  prog open ID\n",
                                            .examples = "  prog open 7\n",
                                            .groups = open_groups};
static const struct program close_command = {.name = "prog close",
                                             .summary = "Closes it.",
                                             .usage = "  prog close ID\n",
                                             .groups = close_groups};
static const struct program *const commands[] = {&open_command, &close_command, NULL};
static const struct option_group *const general[] = {&program_options, NULL};
static const struct program with_commands = {.name = "prog",
                                             .summary = "Opens and closes.",
                                             .usage = "  prog COMMAND\n",
                                             .commands = commands,
                                             .groups = general};

static char *page;

static const char *written(const struct program *p)
{
    size_t size;
    free(page);
    FILE *out = open_memstream(&page, &size);
    assert_non_null(out);
    manual_write(p, out);
    fclose(out);
    return page;
}

static int release(void **state)
{
    (void)state;
    free(page);
    page = NULL;
    return 0;
}

#define assert_has(text, part)                                                                     \
    if (strstr(text, part) == NULL)                                                                \
    fail_msg("\"%s\" is not in:\n%s", part, text)

static size_t count(const char *text, const char *part)
{
    size_t n = 0;
    for (; (text = strstr(text, part)) != NULL; text++)
        n++;
    return n;
}

/* ".SH X" and ".SS X" in the order in which they must stand. */
static void assert_order(const char *text, const char *const *parts)
{
    for (size_t i = 0; parts[i] != NULL; i++) {
        const char *at = strstr(text, parts[i]);
        if (at == NULL)
            fail_msg("\"%s\" is missing, or too early, in:\n%s", parts[i], page);
        else
            text = at + strlen(parts[i]);
    }
}

static void sections(void **state)
{
    (void)state;
    static const char *const parts[] = {".TH \"A\\-PROGRAM\" 1 \"\" \"tunnel ",
                                        "\n.SH NAME\na\\-program \\- does a thing: well\n",
                                        ".SH SYNOPSIS\n.nf\na\\-program [options]\n"
                                        "\\&.a\\-program\n.fi\n",
                                        ".SH DESCRIPTION\nDoes a thing: well.\n",
                                        ".SH OPTIONS\n.SS \"The device\\(aqs own\"\n",
                                        ".SH EXAMPLES\n.nf\na\\-program \\(rs\n    \\-l x\n.fi\n",
                                        ".SH ENVIRONMENT\n",
                                        NULL};
    assert_order(written(&alone), parts);
    assert_int_equal(count(page, ".SH"), 6);
    assert_null(strstr(page, ".SH COMMANDS"));
}

static void options(void **state)
{
    (void)state;
    assert_has(written(&alone), ".TP\n\\fB\\-l\\fR, \\fB\\-\\-listen\\fR \\fIWHERE\\fR\n"
                                "Where to wait.\nMay be repeated.\nDefault: \\fBhere\\fR.\n");
    assert_has(page, ".TP\n\\fB\\-\\-home\\fR\n");
    assert_int_equal(count(page, "Default:"), 1);
}

static void nothing_is_a_request_by_chance(void **state)
{
    (void)state;
    assert_has(written(&alone), "\\&.dot \\(aqquote\\(aq back\\(rsslash \\(dqsay\\(dq \\(ha \\(ti "
                                "\\(gax\\(ga\n.br\n\\(aqnext.\n");
    assert_has(page, "Reads \\%\\(ti/.config.\n\\&.hidden files, too.\n");
    /* Of what begins with a control character, all is ours. */
    static const char *const requests[] = {".TH ", ".SH ",  ".SS ",  ".TP\n", ".B ",
                                           ".BR ", ".PP\n", ".nf\n", ".fi\n", ".br\n"};
    for (const char *line = page; *line != '\0'; line = strchr(line, '\n') + 1) {
        bool known = *line != '.';
        for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
            known |= strncmp(line, requests[i], strlen(requests[i])) == 0;
        if (!known || *line == '\'')
            fail_msg("a line that troff takes for a request: %.40s", line);
    }
}

static void hidden_options_are_nowhere(void **state)
{
    (void)state;
    written(&alone);
    static const char *const absent[] = {"secret", "T\\_HIDDEN", "T_HIDDEN", "nothing",
                                         "Empty title"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        assert_null(strstr(page, absent[i]));
    written(&with_commands);
    assert_null(strstr(page, "\\-\\-manual"));
    assert_null(strstr(page, "\\-\\-completion"));
}

static void what_commands_share_is_told_once(void **state)
{
    (void)state;
    static const char *const parts[] = {
        ".SH COMMANDS\n.SS \"open\"\nOpens it.\n.PP\n.nf\nprog open ID\n.fi\n",
        "\\-\\-hub\\-again",
        ".SS \"close\"\nCloses it.\n",
        ".SH OPTIONS\n.SS \"Hub\"\n",
        "\\-\\-hub\\fR",
        ".SS \"General\"\n",
        "\\-\\-verbose",
        ".SH EXAMPLES\n.nf\nprog open 7\n.fi\n",
        ".SH ENVIRONMENT\n",
        NULL};
    assert_order(written(&with_commands), parts);
    assert_int_equal(count(page, "\\fB\\-\\-hub\\fR \\fIURL"), 1);
    assert_int_equal(count(page, "\\fB\\-\\-verbose\\fR"), 1);
}

static void variables(void **state)
{
    (void)state;
    assert_has(written(&alone),
               ".SH ENVIRONMENT\n.TP\n.B T_LISTEN\nThe same as \\fB\\-\\-listen\\fR.\n");
    written(&with_commands);
    assert_int_equal(count(page, ".B T_HUB\n"), 1);
    assert_int_equal(page[strlen(page) - 1], '\n');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(sections, release),
        cmocka_unit_test_teardown(options, release),
        cmocka_unit_test_teardown(nothing_is_a_request_by_chance, release),
        cmocka_unit_test_teardown(hidden_options_are_nowhere, release),
        cmocka_unit_test_teardown(what_commands_share_is_told_once, release),
        cmocka_unit_test_teardown(variables, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
