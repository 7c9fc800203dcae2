/* Options: which source wins. */
#include "tests/unit/options_help.h"

static void forms(void **state)
{
    (void)state;
    static const char *const lines[][4] = {
        {"prog", "--access-token=a=b", "--verbose=5"},
        {"prog", "--access-token", "a=b", "-v5"},
        {"prog", "-ta=b", "--verb=5"},
        {"prog", "-t", "a=b", "--verb=5"},
        {"prog", "--access=a=b", "-v5"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const char *const text[] = {lines[i][0], lines[i][1], lines[i][2], lines[i][3], NULL};
        struct options *o = fresh();
        assert_int_equal(argv(o, 0, text), ERR_OK);
        assert_string_equal(options_get(o, "access-token"), "a=b");
        assert_string_equal(options_get(o, "verbose"), "5");
        assert_int_equal(options_source(o, "verbose"), OPTION_ARGV);
        assert_null(options_get(o, "proxy-endpoint"));
        options_free(o);
    }
}

static void flags_and_operands(void **state)
{
    (void)state;
    struct options *o = fresh();
    char *const *operands;
    assert_int_equal(ARGV(o, 3, "one", "-kqv6", "-", "--", "-k"), ERR_OK);
    assert_true(options_flag(o, "insecure"));
    assert_true(options_flag(o, "quiet"));
    assert_false(options_flag(o, "version"));
    assert_string_equal(options_get(o, "verbose"), "6");
    assert_int_equal(options_operands(o, &operands), 3);
    assert_string_equal(operands[0], "one");
    assert_string_equal(operands[1], "-");
    assert_string_equal(operands[2], "-k");
    options_free(o);

    o = fresh();
    assert_int_equal(ARGV(o, 0, "--insecure=no"), ERR_OK);
    assert_false(options_flag(o, "insecure"));
    assert_int_equal(options_source(o, "insecure"), OPTION_ARGV);
    options_free(o);
}

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *line[4], *problem;
    } cases[] = {
        {{"prog", "--nope"}, "unrecognised option '--nope'"},
        {{"prog", "--ver", "x"}, "--ver may mean any of --verbose, --version"},
        {{"prog", "-z"}, "unrecognised option '-z'"},
        {{"prog", "-kz"}, "unrecognised option '-z'"},
        {{"prog", "-t"}, "the required argument for option '--access-token' is missing: TOKEN"},
        {{"prog", "-t", ""}, "--access-token needs a value: TOKEN"},
        {{"prog", "--verbose="}, "--verbose needs a value: LEVEL"},
        {{"prog", "-v5", "-v6"}, "--verbose was given twice"},
        {{"prog", "-k", "-k"}, "--insecure was given twice"},
        {{"prog", "--insecure=maybe"}, "--insecure is either true or false, not \"maybe\""},
        {{"prog", "stray"}, "\"stray\" is one argument too many"},
        {{"prog", "--\x01"}, "unrecognised option '--\\x01'"},
        {{"prog", "--region-end", "x"}, "unrecognised option '--region-end'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const text[] = {cases[i].line[0], cases[i].line[1], cases[i].line[2],
                                    cases[i].line[3], NULL};
        struct options *o = fresh();
        assert_int_equal(argv(o, 0, text), ERR_USAGE);
        assert_string_equal(options_problem(o), cases[i].problem);
        options_free(o);
    }
}

static void abbreviations_prefer_the_reference(void **state)
{
    (void)state;
    struct options *o = fresh();
    assert_int_equal(ARGV(o, 0, "--proxy", "a", "--proxy-o", "b"), ERR_OK);
    assert_string_equal(options_get(o, "proxy-endpoint"), "a");
    assert_string_equal(options_get(o, "proxy-ours"), "b");
    options_free(o);
}

static void secrets_leave_argv(void **state)
{
    (void)state;
    static const char *const lines[][4] = {{"prog", "-t", "hunter2"},
                                           {"prog", "-kthunter2"},
                                           {"prog", "--access-token=hunter2"},
                                           {"prog", "--acc", "hunter2"}};
    for (size_t i = 0; i < 4; i++) {
        const char *const text[] = {lines[i][0], lines[i][1], lines[i][2], NULL};
        struct options *o = fresh();
        assert_int_equal(argv(o, 0, text), ERR_OK);
        assert_string_equal(options_get(o, "access-token"), "hunter2");
        for (size_t w = 0; text[w] != NULL; w++)
            assert_null(strstr(words[w], "hunter2"));
        options_free(o);
    }
    struct options *o = fresh();
    assert_int_equal(ARGV(o, 0, "-t", "hunter2", "-t", "hunter3"), ERR_USAGE);
    assert_null(strstr(words[2], "hunter"));
    assert_null(strstr(words[4], "hunter"));
    assert_null(strstr(options_problem(o), "hunter"));
    options_free(o);
}

/* ---- precedence ---- */

static const char *environment(const char *name)
{
    if (strcmp(name, "T_ENDPOINT") == 0)
        return "from-env";
    if (strcmp(name, "T_TOKEN") == 0)
        return "";
    return NULL;
}

/* Every subset of the four sources, read in every rotation of their order. */
static void precedence(void **state)
{
    (void)state;
    static const char *const expected[] = {NULL, "from-settings", "from-env", "from-file",
                                           "from-argv"};
    for (unsigned set = 0; set < 16; set++) {
        for (unsigned first = 0; first < 4; first++) {
            struct options *o = fresh();
            unsigned top = 0;
            for (unsigned k = 0; k < 4; k++) {
                unsigned source = (first + k) % 4 + 1;
                if (!(set & 1u << (source - 1)))
                    continue;
                top = source > top ? source : top;
                enum err why = ERR_OK;
                if (source == OPTION_SETTINGS)
                    why = options_setting(o, "p.endpoint", "from-settings");
                else if (source == OPTION_ENVIRONMENT)
                    why = options_env(o, environment);
                else if (source == OPTION_FILE)
                    why = text(o, "proxy-endpoint = from-file\n");
                else
                    why = ARGV(o, 0, "-e", "from-argv");
                assert_int_equal(why, ERR_OK);
            }
            if (expected[top] == NULL)
                assert_null(options_get(o, "proxy-endpoint"));
            else
                assert_string_equal(options_get(o, "proxy-endpoint"), expected[top]);
            assert_int_equal(options_source(o, "proxy-endpoint"), top);
            options_free(o);
        }
    }
}

/* What a file said is forgotten, what came from elsewhere is not; a higher source still counts. */
static void a_file_is_read_again(void **state)
{
    (void)state;
    struct options *o = fresh();
    assert_int_equal(ARGV(o, 0, "-l", "from-argv"), ERR_OK);
    assert_int_equal(text(o, "proxy-endpoint = one\nlisten = file\n"), ERR_OK);
    assert_int_equal(options_env(o, environment), ERR_OK);
    assert_string_equal(options_get(o, "proxy-endpoint"), "one");
    options_forget_file(o);
    assert_null(options_get(o, "proxy-endpoint"));
    assert_string_equal(options_get(o, "listen"), "from-argv");
    assert_int_equal(text(o, "proxy-endpoint = two\n"), ERR_OK);
    assert_int_equal(options_env(o, environment), ERR_OK);
    assert_string_equal(options_get(o, "proxy-endpoint"), "two");
    options_forget_file(o);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(options_env(o, environment), ERR_OK);
        assert_string_equal(options_get(o, "proxy-endpoint"), "from-env");
    }
    options_forget_file(o);
    assert_int_equal(options_env(o, nothing), ERR_OK); /* it was overwritten meanwhile */
    assert_string_equal(options_get(o, "proxy-endpoint"), "from-env");
    options_free(o);
}

static void quotes_in_a_file(void **state)
{
    static const char *const cases[][2] = {{"\"/a b\"", "/a b"}, {"'/a'", "/a"},
                                           {"\"a", "\"a"},       {"a\"b\"", "a\"b\""},
                                           {"\"a'", "\"a'"},     {"\"\"a\"\"", "\"a\""}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct options *o = fresh();
        char line[80];
        snprintf(line, sizeof line, "proxy-endpoint = %s\n", cases[i][0]);
        assert_int_equal(text(o, line), ERR_OK);
        assert_string_equal(options_get(o, "proxy-endpoint"), cases[i][1]);
        options_free(o);
    }
    struct options *o = fresh(); /* shells have taken theirs off already */
    assert_int_equal(ARGV(o, 0, "-e", "\"h\""), ERR_OK);
    assert_string_equal(options_get(o, "proxy-endpoint"), "\"h\"");
    assert_int_equal(text(o, "quiet = \"yes\"\n"), ERR_OK);
    assert_true(options_flag(o, "quiet"));
    assert_int_equal(text(o, "verbose = \"\"\n"), ERR_USAGE);
    options_free(o);
}

static const struct option start_table[] = {
    {"place", 0, "WHERE", "THE_PLACE", NULL, "here", "Where.", OPTION_MANY | OPTION_START},
    {"speed", 0, "N", NULL, NULL, "1", "How fast.", 0},
};

static const struct option_group start_group = OPTION_GROUP("Start", start_table);

static const char *the_place(const char *name)
{
    return strcmp(name, "THE_PLACE") == 0 ? "env" : NULL;
}

/* What is read at the start only keeps its value, and says that it would be another. */
static void what_waits_for_a_restart(void **state)
{
    static const struct {
        const char *first, *again;
        bool waits;
    } cases[] = {
        {"speed = 2", "speed = 3", false},
        {"place = a", "place = a", false},
        {"place = a", "place = b", true},
        {"place = a", "", true},
        {"", "place = here", false}, /* what it is anyway */
        {"", "place = a", true},
        {"place = a\nplace = b", "place = a\nplace = b", false},
        {"place = a\nplace = b", "place = b\nplace = a", true},
        {"place = a\nplace = b", "place = a", true},
    };
    static const struct option_group *const groups[] = {&start_group};
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct options *o = options_new(groups, 1);
        size_t i = 0;
        assert_int_equal(text(o, cases[c].first), ERR_OK);
        char *before = strdup(options_get(o, "place"));
        const char *memory = options_get(o, "place");
        assert_null(options_waiting(o, &i));
        for (int round = 0; round < 2; round++) {
            options_forget_file(o);
            assert_int_equal(text(o, cases[c].again), ERR_OK);
            i = 0;
            if (cases[c].waits)
                assert_string_equal(options_waiting(o, &i), "place");
            assert_null(options_waiting(o, &i));
            assert_string_equal(options_get(o, "place"), before);
            assert_ptr_equal(options_get(o, "place"), memory);
        }
        free(before);
        options_free(o);
    }
}

/* The command line counts over any file, and what the environment said is not asked again. */
static void what_waits_has_no_higher_source(void **state)
{
    static const struct option_group *const groups[] = {&start_group};
    struct options *o = options_new(groups, 1);
    size_t i = 0;
    (void)state;
    assert_int_equal(ARGV(o, 0, "--place", "argv"), ERR_OK);
    options_forget_file(o);
    assert_int_equal(text(o, "place = file"), ERR_OK);
    assert_null(options_waiting(o, &i));
    options_free(o);
    o = options_new(groups, 1);
    assert_int_equal(options_env(o, the_place), ERR_OK);
    options_forget_file(o);
    assert_int_equal(text(o, ""), ERR_OK);
    assert_int_equal(options_env(o, the_place), ERR_OK);
    i = 0;
    assert_null(options_waiting(o, &i));
    options_forget_file(o);
    assert_int_equal(text(o, "place = file"), ERR_OK);
    i = 0;
    assert_string_equal(options_waiting(o, &i), "place");
    assert_string_equal(options_get(o, "place"), "env");
    options_free(o);
}

static void empty_environment_is_unset(void **state)
{
    (void)state;
    struct options *o = fresh();
    assert_int_equal(options_env(o, environment), ERR_OK);
    assert_null(options_get(o, "access-token"));
    options_free(o);
}

static char env_token[] = "hunter2";

static char *writable(const char *name)
{
    return strcmp(name, "T_TOKEN") == 0 ? env_token : NULL;
}

static void environment_is_wiped(void **state)
{
    (void)state;
    struct options *o = fresh();
    options_wipe_env(o, writable);
    assert_string_equal(env_token, "*******");
    options_free(o);
}

static void many(void **state)
{
    (void)state;
    struct options *o = fresh();
    assert_string_equal(options_each(o, "listen", 0), "default");
    assert_null(options_each(o, "listen", 1));
    assert_int_equal(text(o, "listen = file1\nlisten = file2\n"), ERR_OK);
    assert_string_equal(options_each(o, "listen", 0), "file1");
    assert_string_equal(options_each(o, "listen", 1), "file2");
    assert_null(options_each(o, "listen", 2));
    assert_int_equal(ARGV(o, 0, "-l", "argv1", "-largv2", "--listen=argv3"), ERR_OK);
    assert_string_equal(options_each(o, "listen", 0), "argv1");
    assert_string_equal(options_each(o, "listen", 2), "argv3");
    assert_null(options_each(o, "listen", 3));
    assert_string_equal(options_get(o, "listen"), "argv3");
    options_free(o);
}

static void settings(void **state)
{
    (void)state;
    struct options *o = fresh();
    assert_int_equal(options_setting(o, "p.verbose", "6"), ERR_OK);
    assert_int_equal(options_setting(o, "p.other", "6"), ERR_NOT_FOUND);
    assert_string_equal(options_problem(o), "");
    assert_int_equal(options_setting(o, "p.regions.eu-x-1", "hub.example"), ERR_OK);
    assert_int_equal(options_setting(o, "p.regions.", "hub.example"), ERR_NOT_FOUND);
    assert_string_equal(options_get(o, "verbose"), "6");
    assert_string_equal(options_each(o, "region-endpoint", 0), "eu-x-1=hub.example");
    options_free(o);
}

int main(void)
{
    log_redirect(count_warning, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),
        cmocka_unit_test(flags_and_operands),
        cmocka_unit_test(refused),
        cmocka_unit_test(abbreviations_prefer_the_reference),
        cmocka_unit_test(secrets_leave_argv),
        cmocka_unit_test(precedence),
        cmocka_unit_test(a_file_is_read_again),
        cmocka_unit_test(quotes_in_a_file),
        cmocka_unit_test(what_waits_for_a_restart),
        cmocka_unit_test(what_waits_has_no_higher_source),
        cmocka_unit_test(empty_environment_is_unset),
        cmocka_unit_test(environment_is_wiped),
        cmocka_unit_test(many),
        cmocka_unit_test(settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
