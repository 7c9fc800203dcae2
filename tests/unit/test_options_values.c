/* Options: files, kinds of values, and the hub's. */
#include "tests/unit/options_help.h"

/* ---- files ---- */

struct seen {
    char text[600];
};

static enum err section(void *owner, struct options *o, const struct ini_entry *e)
{
    struct seen *seen = owner;
    size_t used = strlen(seen->text);
    if (span_is(e->key, "bad"))
        return options_fail(o, "no good");
    snprintf(seen->text + used, sizeof seen->text - used, "%d[%.*s]%.*s=%.*s;", e->line,
             (int)e->section.n, e->section.p, (int)e->key.n, e->key.p != NULL ? e->key.p : "",
             (int)e->value.n, e->value.p != NULL ? e->value.p : "");
    return ERR_OK;
}

static void files(void **state)
{
    (void)state;
    struct options *o = fresh();
    struct seen seen = {""};
    static const char content[] = "\xef\xbb\xbf# comment\r\n"
                                  "verbose=6 # the most\r\n"
                                  "\n"
                                  "  proxy-endpoint = a#b;c=d  \n"
                                  "; comment\n"
                                  "insecure = yes\n"
                                  "[ tunnel plant 7 ] # here\n"
                                  "plc:modbus = [::1]:22\n"
                                  "[empty]";
    assert_int_equal(options_text(o, "x.conf", span_of(content), section, &seen), ERR_OK);
    assert_string_equal(options_get(o, "verbose"), "6");
    assert_string_equal(options_get(o, "proxy-endpoint"), "a#b;c=d");
    assert_true(options_flag(o, "insecure"));
    assert_string_equal(seen.text, "7[tunnel plant 7]=;8[tunnel plant 7]plc:modbus=[::1]:22;"
                                   "9[empty]=;");
    char where[100];
    assert_string_equal(options_where(o, "verbose", where, sizeof where), "in x.conf:2");
    options_free(o);
}

static void long_lines(void **state)
{
    (void)state;
    struct options *o = fresh();
    char token[4097], content[4400];
    memset(token, 'a', 4096);
    token[4096] = '\0';
    snprintf(content, sizeof content, "access-token = %s\n", token);
    assert_int_equal(text(o, content), ERR_OK);
    assert_string_equal(options_get(o, "access-token"), token);
    options_free(o);
}

static void bad_files(void **state)
{
    (void)state;
    static const struct {
        const char *content, *problem;
    } cases[] = {
        {"\nnope = 1\n", "x.conf:2: no option is called \"nope\""},
        {"verb = 1\n", "x.conf:1: no option is called \"verb\""},
        {"verbose\n", "x.conf:1: \"verbose\" is not \"key = value\""},
        {"= 5\n", "x.conf:1: \"=\" is not \"key = value\""},
        {"access-token eyJhbGciOi\n", "x.conf:1: \"access-token\" is not \"key = value\""},
        {"verbose =\n", "x.conf:1: --verbose needs a value: LEVEL"},
        {"version = true\n", "x.conf:1: \"version\" only works on the command line"},
        {"verbose = 1\nverbose = 2\n", "x.conf:2: --verbose was given twice"},
        {"insecure = perhaps\n", "x.conf:1: --insecure is either true or false, not \"perhaps\""},
        {"[open\n", "x.conf:1: \"[open\" should be a [section]"},
        {"[]\n", "x.conf:1: \"[]\" should be a [section]"},
        {"[tunnel a]\n", "x.conf:1: there are no sections in this file, but here is [tunnel a]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct options *o = fresh();
        assert_int_equal(text(o, cases[i].content), ERR_USAGE);
        assert_string_equal(options_problem(o), cases[i].problem);
        options_free(o);
    }
    struct options *o = fresh();
    static const char zero[] = "verbose = 1\0 2\n";
    assert_int_equal(options_text(o, "x.conf", (struct span){zero, sizeof zero - 1}, NULL, NULL),
                     ERR_USAGE);
    assert_non_null(strstr(options_problem(o), "zero byte"));
    struct seen seen = {""};
    assert_int_equal(options_text(o, "x.conf", span_of("[a]\nbad=1\n"), section, &seen), ERR_USAGE);
    assert_string_equal(options_problem(o), "x.conf:2: no good");
    assert_int_equal(options_file(o, "/nonexistent/x.conf", NULL, NULL), ERR_NOT_FOUND);
    assert_string_equal(options_problem(o), "/nonexistent/x.conf: no such file");
    assert_int_equal(options_file(o, "/tmp", NULL, NULL), ERR_UNSUPPORTED);
    assert_string_equal(options_problem(o), "/tmp: is a directory, not a file");
    options_free(o);
}

/* Junk of every kind ends in an answer, not in a crash; ASan and UBSan watch. */
static void random_files(void **state)
{
    (void)state;
    static const char alphabet[] = "[]=#; \t\r\nabkverbose-\xef\xbb\xbf";
    unsigned seed = 7;
    for (int round = 0; round < 2000; round++) {
        struct options *o = fresh();
        struct seen seen = {""};
        char content[64];
        size_t n = (size_t)rand_r(&seed) % sizeof content;
        for (size_t i = 0; i < n; i++)
            content[i] = alphabet[(size_t)rand_r(&seed) % sizeof alphabet];
        enum err why = options_text(o, "x", (struct span){content, n}, section, &seen);
        assert_true((why == ERR_OK) == (*options_problem(o) == '\0'));
        options_free(o);
    }
}

/* ---- values ---- */

static void numbers(void **state)
{
    (void)state;
    struct options *o = fresh();
    uint64_t n = 99;
    assert_int_equal(options_number(o, "verbose", 0, 255, &n), ERR_OK);
    assert_int_equal(n, 4);
    n = 99;
    assert_int_equal(options_number(o, "proxy-endpoint", 0, 255, &n), ERR_OK);
    assert_int_equal(n, 99);
    assert_int_equal(text(o, "verbose = 256"), ERR_OK);
    assert_int_equal(options_number(o, "verbose", 0, 255, &n), ERR_USAGE);
    assert_string_equal(options_problem(o),
                        "--verbose \"256\" (in x.conf:1) is not a number from 0 to 255");
    assert_int_equal(n, 99);
    options_free(o);
}

static void durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        long ms; /* -1: refused */
    } cases[] = {{"0", 0},
                 {"500ms", 500},
                 {"20s", 20000},
                 {"5m", 300000},
                 {"12h", 43200000},
                 {"7d", 604800000},
                 {"20", -1},
                 {"s", -1},
                 {"5 s", -1},
                 {"-5s", -1},
                 {"99999999999999999999s", -1},
                 {"999999999d", -1},
                 {"1.5s", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct options *o = fresh();
        uint64_t ms = 77;
        assert_int_equal(ARGV(o, 0, "--linger", cases[i].text), ERR_OK);
        enum err why = options_duration(o, "linger", &ms);
        assert_int_equal(why, cases[i].ms < 0 ? ERR_USAGE : ERR_OK);
        assert_int_equal(ms, cases[i].ms < 0 ? 77 : cases[i].ms);
        options_free(o);
    }
    struct options *o = fresh();
    uint64_t ms = 77;
    assert_int_equal(options_duration(o, "linger", &ms), ERR_OK);
    assert_int_equal(ms, 30000);
    assert_int_equal(options_setting(o, "p.linger_ms", "1500"), ERR_OK);
    assert_int_equal(options_duration(o, "linger", &ms), ERR_OK);
    assert_int_equal(ms, 1500);
    options_free(o);
}

/* Where a bare number has a unit it keeps it, and others may be written. */
static void sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        long bytes; /* -1: refused */
    } cases[] = {{"1M", 1048576},    {"64M", 67108864}, {"2048K", 2097152},
                 {"1G", 1073741824}, {"1023K", -1},     {"2G", -1},
                 {"64", -1},         {"M", -1},         {"64MB", -1},
                 {"64m", -1},        {"-64M", -1},      {"99999999999999999999G", -1},
                 {"1.5G", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct options *o = fresh();
        uint64_t bytes = 77;
        assert_int_equal(ARGV(o, 0, "--linger", cases[i].text), ERR_OK);
        enum err why = options_size(o, "linger", 1048576, 1073741824, &bytes);
        assert_int_equal(why, cases[i].bytes < 0 ? ERR_USAGE : ERR_OK);
        assert_int_equal(bytes, cases[i].bytes < 0 ? 77 : cases[i].bytes);
        if (why != ERR_OK)
            assert_non_null(strstr(options_problem(o), "is not a size from 1M to 1024M"));
        options_free(o);
    }
}

static void durations_with_a_unit_of_their_own(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        long ms; /* -1: refused */
    } cases[] = {{"0", 0},          {"90", 5400000},  {"90m", 5400000},
                 {"12h", 43200000}, {"1d", 86400000}, {"30s", 30000},
                 {"12 h", -1},      {"1.5h", -1},     {"12hours", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct options *o = fresh();
        uint64_t ms = 77;
        assert_int_equal(ARGV(o, 0, "--linger", cases[i].text), ERR_OK);
        enum err why = options_duration_in(o, "linger", 60000, &ms);
        assert_int_equal(why, cases[i].ms < 0 ? ERR_USAGE : ERR_OK);
        assert_int_equal(ms, cases[i].ms < 0 ? 77 : cases[i].ms);
        options_free(o);
    }
}

static void meant(void **state)
{
    (void)state;
    struct options *o = fresh();
    assert_int_equal(ARGV(o, 0, "--lingre", "5s"), ERR_USAGE);
    assert_string_equal(options_problem(o),
                        "unrecognised option '--lingre'; did you mean --linger?");
    options_free(o);
    o = fresh();
    assert_int_equal(ARGV(o, 0, "--poem", "5s"), ERR_USAGE);
    assert_string_equal(options_problem(o), "unrecognised option '--poem'");
    assert_int_equal(text(o, "lingr = 5s"), ERR_USAGE);
    assert_string_equal(options_problem(o),
                        "x.conf:1: no option is called \"lingr\"; did you mean linger?");
    options_free(o);
}

static void help(void **state)
{
    (void)state;
    static const struct option_group *const only_ours[] = {&hub_options, &program_options};
    char *printed = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&printed, &size);
    struct options *o = options_new(only_ours, 2);
    options_help(o, f);
    fclose(f);
    assert_non_null(
        strstr(printed, "Connection to the hub:\n  -e, --proxy-endpoint HOST[:PORT]\n"));
    assert_non_null(strstr(printed, "\nGeneral:\n      --config FILE           Read options"));
    assert_null(strstr(printed, "endpoint-format"));
    assert_non_null(strstr(printed, "(default: 20s)"));
    for (const char *line = printed; line != NULL && *line != '\0';) {
        size_t n = strcspn(line, "\n");
        assert_true(n <= 80);
        assert_true(n == 0 || line[n - 1] != ' ');
        line += n + (line[n] == '\n');
    }
    options_free(o);
    free(printed);
}

/* ---- the hub's options ---- */

struct outcome {
    struct options *o;
    struct hub_config c;
    enum err why;
};

static struct outcome hub(bool make, const char *const *line)
{
    const struct option_group *groups[] = {&hub_options, &program_options};
    struct outcome out = {.o = options_new(groups, 2)};
    warnings = 0;
    out.why = argv(out.o, 0, line);
    if (out.why == ERR_OK)
        out.why = options_env(out.o, nothing);
    if (out.why == ERR_OK)
        out.why = hub_config_read(out.o, &(struct hub_rules){.make_client_token = make}, &out.c);
    return out;
}

#define HUB(make, ...) hub(make, (const char *const[]){"prog", __VA_ARGS__, NULL})

static void done(struct outcome *out)
{
    hub_config_free(&out->c);
    options_free(out->o);
}

/* To Amazon's own service nothing is offered that it does not know. */
static void hub_native(void **state)
{
    static const struct {
        const char *option, *value;
        bool native;
    } cases[] = {
        {"-e", "hub.example:8443", true},
        {"-e", "notamazonaws.com", true},
        {"-e", "data.tunneling.iot.eu-central-1.amazonaws.com", false},
        {"-e", "data.tunneling.iot.cn-north-1.amazonaws.com.cn:443", false},
        {"-r", "eu-central-1", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct outcome r = HUB(false, cases[i].option, cases[i].value, "-t", "x");
        assert_int_equal(r.why, ERR_OK);
        assert_int_equal(r.c.native, cases[i].native);
        done(&r);
    }
    struct outcome r = HUB(false, "-e", "hub.example", "-t", "x", "--subprotocol", "x");
    assert_int_equal(r.why, ERR_OK);
    assert_false(r.c.native);
    done(&r);
}

static void hub_regions(void **state)
{
    (void)state;
    static const struct {
        const char *region, *host;
    } cases[] = {
        {"eu-central-1", "data.tunneling.iot.eu-central-1.amazonaws.com"},
        {"cn-north-1", "data.tunneling.iot.cn-north-1.amazonaws.com.cn"},
        {"cn-northwest-1", "data.tunneling.iot.cn-northwest-1.amazonaws.com.cn"},
    };
    for (size_t i = 0; i < 3; i++) {
        struct outcome r = HUB(false, "-r", cases[i].region, "-t", "x");
        assert_int_equal(r.why, ERR_OK);
        assert_string_equal(r.c.host, cases[i].host);
        assert_int_equal(r.c.port, 443);
        assert_null(r.c.client_token);
        assert_int_equal(r.c.ping_ms, 20000);
        assert_int_equal(warnings, 1);
        done(&r);
    }
    struct outcome r = HUB(false, "-r", "x-1", "-t", "x", "--region-endpoint", "x-1=Hub.Test:8443");
    assert_int_equal(r.why, ERR_OK);
    assert_string_equal(r.c.host, "hub.test");
    assert_int_equal(r.c.port, 8443);
    done(&r);
    r = HUB(false, "-r", "x-1", "-t", "x", "--endpoint-format", "t.%s.example");
    assert_int_equal(r.why, ERR_OK);
    assert_string_equal(r.c.host, "t.x-1.example");
    done(&r);
}

static void hub_endpoints(void **state)
{
    (void)state;
    static const struct {
        const char *text, *host;
        int port;
    } cases[] = {
        {"Hub.Example", "hub.example", 443},
        {"hub:8443", "hub", 8443},
        {"127.0.0.1:1", "127.0.0.1", 1},
        {"[::1]:8443", "::1", 8443},
        {"[2001:DB8::1]", "2001:db8::1", 443},
        {"::1", "::1", 443},
        {"hub:65535", "hub", 65535},
        {"tunnel_hub:8443", "tunnel_hub", 8443}, /* as Docker Compose calls them */
        {"_a._b.example", "_a._b.example", 443},
        {"hub:65536", NULL, 0},
        {"hub:0", NULL, 0},
        {"hub:", NULL, 0},
        {":443", NULL, 0},
        {"[::1", NULL, 0},
        {"[::1]x", NULL, 0},
        {"[::1]:", NULL, 0},
        {"[]:443", NULL, 0},
        {"wss://hub", NULL, 0},
        {"hub/tunnel", NULL, 0},
        {"hub name", NULL, 0},
        {"h\xc3\xbc"
         "b",
         NULL, 0},
        {"hub]", NULL, 0},
        {"hub:x", NULL, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *host, problem[200] = "";
        int port = 443;
        enum err why = endpoint_parse(cases[i].text, &host, &port, problem, sizeof problem);
        assert_int_equal(why, cases[i].host != NULL ? ERR_OK : ERR_USAGE);
        if (cases[i].host != NULL) {
            assert_string_equal(host, cases[i].host);
            assert_int_equal(port, cases[i].port);
        } else {
            assert_null(host);
            assert_string_not_equal(problem, "");
        }
        free(host);
    }
}

static void hub_problems(void **state)
{
    (void)state;
#define SHORT_TOKEN "1234567890123456789012345678901"
    static const struct {
        const char *line[6], *problem;
    } cases[] = {
        {{"p", "-t", "x"},
         "give the hub to connect to: --proxy-endpoint HOST[:PORT], or --region for AWS"},
        {{"p", "-e", "h", "-r", "r", "-tx"},
         "--proxy-endpoint (on the command line) and --region (on the command line) are both "
         "given: give one of them"},
        {{"p", "-r", "EU", "-tx"},
         "--region \"EU\" is not a region: it has 1 to 64 lower-case letters, digits and '-', as "
         "in eu-central-1"},
        {{"p", "-e", "wss://h", "-tx"},
         "--proxy-endpoint \"wss://h\" is a URL: give HOST or HOST:PORT only"},
        {{"p", "-e", "h"},
         "give the tunnel's access token: --token-file FILE, or the environment "
         "variable AWSIOT_TUNNEL_ACCESS_TOKEN"},
        {{"p", "-e", "h", "-t", "a\x01"},
         "--access-token has a control character in it: is something else pasted with it?"},
        {{"p", "-e", "h", "-t", "\na\n\nb\n"},
         "--access-token has several lines: is something else pasted with it?"},
        {{"p", "-e", "h", "-t", " \n"}, "--access-token has no token in it"},
        {{"p", "-e", "h", "-tx", "-i" SHORT_TOKEN},
         "--client-token has 31 characters, but must have 32 to 128"},
        {{"p", "-e", "h", "-tx", "--token-file", "f"},
         "--access-token and --token-file are both given on the command line: give one of them"},
        {{"p", "-e", "h", "--token-file", "/nonexistent/f"},
         "--token-file: /nonexistent/f: no such file"},
        {{"p", "-e", "h", "-tx", "--ping-period=5"},
         "--ping-period \"5\" is not a time: write 500ms, 20s, 5m, 12h or 7d"},
        {{"p", "-e", "h", "-tx", "--ping-period=5ms"},
         "--ping-period \"5ms\" is too short: at least 1s"},
        {{"p", "-e", "h", "-tx", "-c", "/nonexistent/f"},
         "--capath \"/nonexistent/f\" cannot be found"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const *l = cases[i].line;
        const char *const line[] = {l[0], l[1], l[2], l[3], l[4], l[5], NULL};
        struct outcome r = hub(false, line);
        assert_int_not_equal(r.why, ERR_OK);
        assert_string_equal(options_problem(r.o), cases[i].problem);
        done(&r);
    }
}

static void hub_token_lengths(void **state)
{
    (void)state;
    const struct option_group *groups[] = {&hub_options};
    for (size_t n = 4095; n <= 4097; n++) {
        struct options *o = options_new(groups, 1);
        struct hub_config c;
        char *token = malloc(n + 1);
        memset(token, 'a', n);
        token[n] = '\0';
        options_set(o, span_of("access-token"), span_of(token), OPTION_ENVIRONMENT, "T");
        options_set(o, span_of("proxy-endpoint"), span_of("h"), OPTION_ENVIRONMENT, "E");
        assert_int_equal(hub_config_read(o, &(struct hub_rules){false}, &c),
                         n > 4096 ? ERR_USAGE : ERR_OK);
        assert_null(strstr(options_problem(o), "aaa"));
        hub_config_free(&c);
        options_free(o);
        free(token);
    }
}

static void hub_client_tokens(void **state)
{
    (void)state;
    /* The same for the same access token on this machine, so that a restarted program may go on. */
    struct outcome a = HUB(true, "-e", "h", "-tx"), b = HUB(true, "-e", "other", "-tx"),
                   c = HUB(true, "-e", "h", "-ty");
    assert_int_equal(a.why, ERR_OK);
    assert_int_equal(strlen(a.c.client_token), 64);
    assert_string_equal(a.c.client_token, b.c.client_token);
    assert_string_not_equal(a.c.client_token, c.c.client_token);
    done(&a);
    done(&b);
    done(&c);
    a = HUB(false, "-e", "h", "-tx", "-i", "abcdefghijklmnopqrstuvwxyz-01234");
    assert_int_equal(a.why, ERR_OK);
    assert_string_equal(a.c.client_token, "abcdefghijklmnopqrstuvwxyz-01234");
    assert_int_equal(warnings, 1);
    done(&a);
    a = HUB(false, "-e", "h", "-tx", "-i", "abcdefghijklmnopqrstuvwxyz_01234");
    assert_int_equal(a.why, ERR_OK);
    assert_int_equal(warnings, 2);
    done(&a);
}

static void hub_files(void **state)
{
    (void)state;
    char dir[] = "/tmp/test-options-XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/token", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("hunter2 \r\nsecond line\n", f);
    fclose(f);
    chmod(path, 0600);
    struct outcome r = HUB(false, "-e", "h", "--token-file", path, "--ca", dir, "-k");
    assert_int_equal(r.why, ERR_OK);
    assert_string_equal(r.c.access_token, "hunter2");
    assert_string_equal(r.c.capath, dir);
    assert_null(r.c.ca);
    assert_true(r.c.insecure);
    assert_int_equal(warnings, 1);
    done(&r);
    chmod(path, 0644);
    r = HUB(false, "-e", "h", "--token-file", path, "--capath", path);
    assert_int_equal(r.why, ERR_OK);
    assert_string_equal(r.c.ca, path);
    assert_int_equal(warnings, 1);
    done(&r);
    unlink(path);
    rmdir(dir);
}

/* localproxy: the reference program's order and sentences, and what it takes no notice of. */
static void as_the_reference_program(void **state)
{
    static const struct hub_rules rules = {.reference = true};
    static const struct {
        const char *line[8], *says; /* NULL: it is fine */
        int warnings;
    } cases[] = {
        {{"prog"}, "the option '--access-token' is required but missing: give", 0},
        {{"prog", "-t", "AAAA"},
         "Must specify one and only one of --region/-r or --proxy-endpoint/-e: give the hub",
         1},
        {{"prog", "-t", "AAAA", "-r", "a-1", "-e", "b"},
         "Must specify one and only one of --region/-r or --proxy-endpoint/-e: --proxy-endpoint",
         1},
        {{"prog", "-t", "AAAA", "-e", "b", "-c", "/no/such/folder"}, NULL, 2},
        {{"prog", "-t", "AAAA", "-e", "b", "--ca", "/no/such/file"}, "cannot be found", 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct option_group *groups[] = {&hub_options, &program_options};
        struct options *o = options_new(groups, 2);
        struct hub_config c;
        warnings = 0;
        assert_int_equal(argv(o, 0, cases[i].line), ERR_OK);
        enum err why = hub_config_read(o, &rules, &c);
        assert_int_equal(why, cases[i].says != NULL ? ERR_USAGE : ERR_OK);
        if (cases[i].says != NULL)
            assert_non_null(strstr(options_problem(o), cases[i].says));
        else
            assert_null(c.capath);
        assert_int_equal(warnings, cases[i].warnings);
        hub_config_free(&c);
        options_free(o);
    }
}

int main(void)
{
    log_redirect(count_warning, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files),
        cmocka_unit_test(long_lines),
        cmocka_unit_test(bad_files),
        cmocka_unit_test(random_files),
        cmocka_unit_test(numbers),
        cmocka_unit_test(durations),
        cmocka_unit_test(sizes),
        cmocka_unit_test(durations_with_a_unit_of_their_own),
        cmocka_unit_test(meant),
        cmocka_unit_test(as_the_reference_program),
        cmocka_unit_test(help),
        cmocka_unit_test(hub_regions),
        cmocka_unit_test(hub_native),
        cmocka_unit_test(hub_endpoints),
        cmocka_unit_test(hub_problems),
        cmocka_unit_test(hub_token_lengths),
        cmocka_unit_test(hub_client_tokens),
        cmocka_unit_test(hub_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
