/* Access keys: the file, and what its rules decide. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/glob.h"
#include "gateway/hub/api/keys.h"
#include "gateway/hub/devices/device_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char path[64];

static int setup(void **state)
{
    (void)state;
    strcpy(path, "/tmp/test-keys-XXXXXX");
    int fd = mkstemp(path);
    return fd >= 0 ? close(fd) : -1;
}

static int teardown(void **state)
{
    (void)state;
    return unlink(path);
}

static void put(const char *text, size_t n)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static struct keys *read_keys(const char *text)
{
    enum err why = ERR_INTERNAL;
    char problem[300] = "";
    put(text, strlen(text));
    struct keys *k = keys_read(path, &why, problem, sizeof problem);
    if (k == NULL)
        fail_msg("%s", problem);
    assert_int_equal(why, ERR_OK);
    assert_string_equal(problem, "");
    return k;
}

/* The sentence, without the path at its front. */
static void fails(enum err expected, const char *sentence)
{
    enum err why = ERR_OK;
    char problem[400] = "";
    struct keys *k = keys_read(path, &why, problem, sizeof problem);
    assert_null(k);
    if (strncmp(problem, path, strlen(path)) != 0 || strcmp(problem + strlen(path), sentence) != 0)
        fail_msg("%s, not %s", problem, sentence);
    assert_int_equal(why, expected);
}

static void operations(void **state)
{
    (void)state;
    static const char *const names[] = {"OpenTunnel",
                                        "CloseTunnel",
                                        "DescribeTunnel",
                                        "ListTunnels",
                                        "RotateTunnelAccessToken",
                                        "TagResource",
                                        "UntagResource",
                                        "ListTagsForResource",
                                        "CutKey",
                                        "ConnectDevice",
                                        "ListDevices",
                                        "DescribeDevice",
                                        "UpdateDevice",
                                        "ResetDevice",
                                        "DeleteDevice",
                                        "CreateDevice",
                                        "RotateDeviceKeys",
                                        "CreateInvitation",
                                        "ListInvitations",
                                        "DeleteInvitation"};
    assert_int_equal(OPERATION_COUNT, 20);
    for (int i = 0; i < OPERATION_COUNT; i++) {
        enum operation o;
        assert_string_equal(operation_name((enum operation)i), names[i]);
        assert_true(operation_from(span_of(names[i]), &o));
        assert_int_equal(o, i);
        assert_string_equal(operation_service(o),
                            i < OPERATION_CUT_KEY ? "IoTSecuredTunneling" : "TunnelHub");
    }
    enum operation o;
    assert_false(operation_from(span_of("openTunnel"), &o));
    assert_false(operation_from(span_of("OpenTunnel "), &o));
    assert_false(operation_from(span_of(""), &o));
}

#define SECRET "secret = wJalrXUtnFEMI/K7MDENG\n"

#define KEY "[key A]\n" SECRET

static void finds_keys(void **state)
{
    (void)state;
    struct keys *k = read_keys("; keys\n[key AKIDEXAMPLE]\nsecret = wJalrXUtnFEMI/K7MDENG+bPx#x\n"
                               "[key  b.c@d-e_f+9 ]\nsecret=0123456789abcdef # sixteen\n");
    assert_int_equal(keys_count(k), 2);
    const struct access_key *a = keys_find(k, span_of("AKIDEXAMPLE"));
    const struct access_key *b = keys_find(k, span_of("b.c@d-e_f+9"));
    assert_non_null(a);
    assert_non_null(b);
    assert_true(span_is(access_key_secret(a), "wJalrXUtnFEMI/K7MDENG+bPx#x"));
    assert_true(span_is(access_key_secret(b), "0123456789abcdef"));
    assert_null(keys_find(k, span_of("AKIDEXAMPL")));
    assert_null(keys_find(k, span_of("akidexample")));
    assert_null(keys_find(k, span_of("")));
    assert_null(keys_find(k, (struct span){NULL, 0}));
    keys_free(k);
    k = read_keys("");
    assert_int_equal(keys_count(k), 0);
    assert_null(keys_find(k, span_of("A")));
    keys_free(k);
    keys_free(NULL);
}

static void many_keys(void **state)
{
    (void)state;
    char *text = malloc(500 * 80), id[20];
    assert_non_null(text);
    size_t n = 0;
    for (int i = 0; i < 500; i++)
        n += (size_t)sprintf(text + n, "[key K%d]\nsecret = secret-number-%06d\n", i, i);
    struct keys *k = read_keys(text);
    assert_int_equal(keys_count(k), 500);
    for (int i = 0; i < 500; i++) {
        char secret[40];
        sprintf(id, "K%d", i);
        sprintf(secret, "secret-number-%06d", i);
        assert_true(span_is(access_key_secret(keys_find(k, span_of(id))), secret));
    }
    keys_free(k);
    free(text);
}

#define LONG16 "0123456789abcdef"

#define LONG128 LONG16 LONG16 LONG16 LONG16 LONG16 LONG16 LONG16 LONG16

#define NOTHING                                                                                    \
    "matches nothing: names have letters, digits, ':', '_' and '-', and '*' and '?' stand for "    \
    "some of them"

#define NO_ID                                                                                      \
    "is no access key id or policy's name: it has 1 to 128 letters, digits, '_', '+', '.', '@' or '-'"

static void refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sentence;
    } cases[] = {
        {SECRET, ":1: \"secret\" stands before the first [key ID] or [policy NAME]"},
        {"[keys A]\n", ":1: \"keys A\" should be [key ID] or [policy NAME]"},
        {"[key]\n", ":1: \"key\" should be [key ID] or [policy NAME]"},
        {"[A]\n", ":1: \"A\" should be [key ID] or [policy NAME]"},
        {"[key A B]\n", ":1: \"A B\" " NO_ID},
        {"[key A/B]\n", ":1: \"A/B\" " NO_ID},
        {"[key A,B]\n", ":1: \"A,B\" " NO_ID},
        {"[key A=B]\n", ":1: \"A=B\" " NO_ID},
        {"[key \xc3\xa9]\n", ":1: \"\\xc3\\xa9\" " NO_ID},
        {"[key " LONG128 "x]\n" SECRET, ":1: \"" LONG16 LONG16 LONG16 LONG16 "0123456789ab"
                                        "...\" " NO_ID},
        {KEY KEY, ":3: \"A\" is there twice"},
        {"[key A]\n", ":1: A has no secret"},
        {"[key A]\n\n[key B]\n" SECRET, ":1: A has no secret"},
        {KEY "\n[key B]\nmay-delete = no\n", ":4: B has no secret"},
        {"[key A]\nsecret =\n", ":2: secret has no value"},
        {"[key A]\nsecret = # later\n", ":2: secret has no value"},
        {"[key A]\nsecret = 0123456789abcde\n",
         ":2: the secret of A is shorter than 16 characters"},
        {"[key A]\nsecret = 0123456789 abcdef\n",
         ":2: the secret of A has a blank or another character that no secret has"},
        {"[key A]\nsecret = 0123456789\xc3\xa9"
         "abcdef\n",
         ":2: the secret of A has a blank or another character that no secret has"},
        {KEY SECRET, ":3: secret is there twice for A"},
        {KEY "things=a\nthings=b\n", ":4: things is there twice for A"},
        {KEY "thing = a\n", ":3: \"thing\" is no setting of a key"},
        {KEY "Secret = a\n", ":3: \"Secret\" is no setting of a key"},
        {KEY "operations = OpenTunnel, DropTunnel\n",
         ":3: \"DropTunnel\" is no operation (as OpenTunnel is one)"},
        {KEY "operations = iot:OpenTunnel\n",
         ":3: \"iot:OpenTunnel\" is no operation (as OpenTunnel is one)"},
        {KEY "operations =\n", ":3: operations has no value"},
        {KEY "things = , ,\n", ":3: things has no value"},
        {KEY "things = plant/*\n", ":3: \"plant/*\" " NOTHING},
        {KEY "things = [a-z]\n", ":3: \"[a-z]\" " NOTHING},
        {KEY "services = SSH.1\n", ":3: \"SSH.1\" " NOTHING},
        {KEY "services =\n", ":3: services has no value"},
        {KEY "tags = =x\n", ":3: \"=x\" is neither KEY nor KEY=VALUE of a tag"},
        {KEY "tags = " LONG128 "x=y\n", ":3: \"" LONG16 LONG16 LONG16 LONG16
                                        "0123456789ab...\" is neither KEY nor KEY=VALUE of a tag"},
        {KEY "tags = a=b a=c\n", ":3: \"a\" is required twice"},
        {KEY "tags = a=b,a\n", ":3: \"a\" is required twice"},
        {KEY "tags =\n", ":3: tags has no value"},
        {KEY "client-modes = source\n", ":3: \"source\" is none of SOURCE, DESTINATION and ALL"},
        {KEY "client-modes =\n", ":3: client-modes has no value"},
        {KEY "may-delete = maybe\n", ":3: \"maybe\" is neither yes nor no"},
        {KEY "may-delete =\n", ":3: may-delete has no value"},
        {KEY "may-delete\n", ":3: \"may-delete\" is not \"key = value\""},
        {"[key A\n", ":1: \"[key\" should be a [section]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put(cases[i].text, strlen(cases[i].text));
        fails(ERR_USAGE, cases[i].sentence);
    }
}

/* A line whose '=' was forgotten does not bring the secret into the log. */
static void secrets_are_not_quoted(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "secret wJalrXUtnFEMI/K7MDENG", "secret:wJalrXUtnFEMI/K7MDENG",
        "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "0123456K7MDENG89"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        enum err why;
        char text[100], problem[300];
        put(text, (size_t)snprintf(text, sizeof text, "[key A]\n%s\n", lines[i]));
        assert_null(keys_read(path, &why, problem, sizeof problem));
        assert_int_equal(why, ERR_USAGE);
        assert_null(strstr(problem, "K7MDENG"));
    }
}

#define MODE ": holds secrets, and others can read or change it: chmod 600"

static void who_may_read(void **state)
{
    (void)state;
    static const mode_t bad[] = {0604, 0640, 0620, 0602, 0601, 0610, 0700, 0644, 0666};
    enum err why;
    char problem[300];
    put(KEY, strlen(KEY));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(chmod(path, bad[i]), 0);
        fails(ERR_PERMISSION, MODE);
    }
    static const mode_t good[] = {0600, 0400};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(chmod(path, good[i]), 0);
        struct keys *k = keys_read(path, &why, problem, sizeof problem);
        assert_non_null(k);
        keys_free(k);
    }
    assert_int_equal(chmod(path, 0600), 0);
    if (geteuid() == 0) { /* only root can give files away */
        assert_int_equal(chown(path, 12345, (gid_t)-1), 0);
        fails(ERR_PERMISSION, ": belongs to another user");
    }
}

static void not_a_file(void **state)
{
    (void)state;
    enum err why;
    char problem[300];
    assert_null(keys_read("/nonexistent/keys", &why, problem, sizeof problem));
    assert_int_equal(why, ERR_NOT_FOUND);
    assert_string_equal(problem, "/nonexistent/keys: no such file");
    assert_null(keys_read("/tmp", &why, problem, sizeof problem));
    assert_int_equal(why, ERR_IO);
    assert_string_equal(problem, "/tmp: is not a file");
    assert_null(keys_read("-", &why, problem, sizeof problem));
    assert_int_equal(why, ERR_NOT_FOUND);
}

/* ---- decisions ---- */

static char *services_a[] = {"SSH1", "HTTP1"}, *services_b[] = {"SSH1"}, *services_c[] = {"VNC"};

static const struct texts both = {services_a, 2}, ssh = {services_b, 1}, vnc = {services_c, 1};

static const struct texts none = {NULL, 0};

static struct tag tags_a[] = {{"team", "ops"}, {"site", "Ulm"}}, tags_b[] = {{"team", "dev"}},
                  tags_c[] = {{"site", ""}, {"team", "ops"}}, tags_d[] = {{"colour", "red"}};

static const struct tags ops = {tags_a, 2}, dev = {tags_b, 1}, ops_too = {tags_c, 2};

static const struct tags colour = {tags_d, 1}, no_tags = {NULL, 0};

static struct keys *keys;

static void use(const char *lines)
{
    char text[400];
    keys_free(keys);
    snprintf(text, sizeof text, "%s%s", KEY, lines);
    keys = read_keys(text);
}

static const char *denied(struct access_request w)
{
    return key_denies(keys_find(keys, span_of("A")), &w);
}

#define ALLOWED(...) assert_null(denied((struct access_request){__VA_ARGS__}))

#define PREFIX "The access key is not authorized to perform: iot:"

#define DENIED(sentence, ...)                                                                      \
    do {                                                                                           \
        const char *got = denied((struct access_request){__VA_ARGS__});                            \
        assert_non_null(got);                                                                      \
        assert_string_equal(got, PREFIX sentence);                                                 \
    } while (0)

static bool sees(const char *thing, const struct tags *tags)
{
    return key_sees(keys_find(keys, span_of("A")), thing, tags);
}

static int drop_keys(void **state)
{
    keys_free(keys);
    keys = NULL;
    return teardown(state);
}

static void all_is_allowed(void **state)
{
    (void)state;
    use("");
    for (int i = 0; i < OPERATION_COUNT; i++) {
        ALLOWED(.operation = (enum operation)i);
        ALLOWED(.operation = (enum operation)i, .thing = "x", .services = &both, .tags = &ops,
                .source = true, .destination = true, .remove = true, .untag = &both);
    }
    assert_true(sees(NULL, NULL));
    assert_true(sees("x", &ops));
}

static void by_operation(void **state)
{
    (void)state;
    use("operations = ListTunnels,DescribeTunnel ListTagsForResource\n");
    ALLOWED(.operation = OPERATION_LIST);
    ALLOWED(.operation = OPERATION_DESCRIBE, .thing = "x");
    ALLOWED(.operation = OPERATION_LIST_TAGS, .thing = "x");
    DENIED("OpenTunnel on any tunnel, because it is not among the key's operations.",
           .operation = OPERATION_OPEN);
    DENIED("CloseTunnel on any tunnel, because it is not among the key's operations.",
           .operation = OPERATION_CLOSE);
    DENIED("RotateTunnelAccessToken on any tunnel, because it is not among the key's operations.",
           .operation = OPERATION_ROTATE);
    DENIED("TagResource on any tunnel, because it is not among the key's operations.",
           .operation = OPERATION_TAG);
    DENIED("UntagResource on any tunnel, because it is not among the key's operations.",
           .operation = OPERATION_UNTAG);
    assert_string_equal(denied((struct access_request){.operation = OPERATION_CUT_KEY}),
                        "The access key is not authorized to perform: tunnelhub:CutKey on any "
                        "tunnel, because it is not among the key's operations.");
    use("operations = UntagResource\n");
    DENIED("ListTunnels on any tunnel, because it is not among the key's operations.",
           .operation = OPERATION_LIST);
}

/* What it is about is picked tunnel by tunnel. */
static bool asks_for_none(enum operation o)
{
    return o == OPERATION_LIST || o == OPERATION_CUT_KEY || o == OPERATION_LIST_DEVICES ||
           o == OPERATION_LIST_INVITATIONS;
}

static void by_thing(void **state)
{
    (void)state;
    use("things = plant-?,press7 line*:a\n");
    for (int i = 0; i < OPERATION_COUNT; i++) {
        enum operation o = (enum operation)i;
        ALLOWED(.operation = o, .thing = "plant-7", .services = &both);
        ALLOWED(.operation = o, .thing = "press7");
        ALLOWED(.operation = o, .thing = "line12:a");
        if (asks_for_none(o)) {
            ALLOWED(.operation = o);
            continue;
        }
        assert_non_null(denied((struct access_request){.operation = o, .thing = "plant-77"}));
        assert_non_null(denied((struct access_request){.operation = o, .thing = "press"}));
        assert_non_null(denied((struct access_request){.operation = o}));
    }
    DENIED("OpenTunnel on the tunnel's thing, because none of the key's things matches it.",
           .operation = OPERATION_OPEN, .thing = "plant-77");
    DENIED(
        "DescribeTunnel on a tunnel without a thing, because the key is limited to certain things.",
        .operation = OPERATION_DESCRIBE, .thing = "");
    use("things = *\n");
    ALLOWED(.operation = OPERATION_OPEN, .thing = "x");
    DENIED("OpenTunnel on a tunnel without a thing, because the key is limited to certain things.",
           .operation = OPERATION_OPEN);
}

static void by_service(void **state)
{
    (void)state;
    use("services = SSH* VNC\n");
    ALLOWED(.operation = OPERATION_OPEN, .services = &ssh);
    ALLOWED(.operation = OPERATION_OPEN, .services = &vnc);
    DENIED("OpenTunnel on all services of the tunnel, because the key's services do not cover "
           "them all.",
           .operation = OPERATION_OPEN, .services = &both);
    DENIED(
        "OpenTunnel on a tunnel without services, because the key is limited to certain services.",
        .operation = OPERATION_OPEN, .services = &none);
    DENIED(
        "OpenTunnel on a tunnel without services, because the key is limited to certain services.",
        .operation = OPERATION_OPEN);
    /* Who gets a tunnel's token gets all of its services. */
    DENIED("RotateTunnelAccessToken on all services of the tunnel, because the key's services "
           "do not cover them all.",
           .operation = OPERATION_ROTATE, .services = &both, .source = true);
    ALLOWED(.operation = OPERATION_ROTATE, .services = &ssh, .source = true);
    ALLOWED(.operation = OPERATION_DESCRIBE, .services = &both);
    ALLOWED(.operation = OPERATION_CLOSE, .services = &both);
}

static void by_tag(void **state)
{
    (void)state;
    use("tags = team=ops site\n");
    for (int i = 0; i < OPERATION_COUNT; i++) {
        enum operation o = (enum operation)i;
        ALLOWED(.operation = o, .tags = &ops);
        ALLOWED(.operation = o, .tags = &ops_too);
        if (asks_for_none(o))
            continue;
        assert_non_null(denied((struct access_request){.operation = o, .tags = &dev}));
        assert_non_null(denied((struct access_request){.operation = o, .tags = &colour}));
        assert_non_null(denied((struct access_request){.operation = o, .tags = &no_tags}));
        assert_non_null(denied((struct access_request){.operation = o}));
    }
    DENIED(
        "OpenTunnel on a tunnel with such tags, because a tag that the key requires is missing or "
        "has another value.",
        .operation = OPERATION_OPEN, .tags = &dev);
    use("tags = team=\n"); /* empty, and nothing else */
    assert_non_null(denied((struct access_request){.operation = OPERATION_OPEN, .tags = &dev}));
    use("tags = site=\n");
    ALLOWED(.operation = OPERATION_OPEN, .tags = &ops_too);
    assert_non_null(denied((struct access_request){.operation = OPERATION_OPEN, .tags = &ops}));
}

static void tags_that_must_stay(void **state)
{
    (void)state;
    static char *site[] = {"colour", "site"}, *shade[] = {"colour", "team=ops"};
    const struct texts required = {site, 2}, others = {shade, 2};
    use("tags = team=ops,site\n");
    DENIED("UntagResource on these tags, because the key requires one of them on its tunnels.",
           .operation = OPERATION_UNTAG, .tags = &ops, .untag = &required);
    ALLOWED(.operation = OPERATION_UNTAG, .tags = &ops, .untag = &others);
}

static void by_mode(void **state)
{
    (void)state;
    use("client-modes = SOURCE\n");
    ALLOWED(.operation = OPERATION_ROTATE, .source = true);
    DENIED("RotateTunnelAccessToken on the destination's token, because DESTINATION is not among "
           "the key's client-modes.",
           .operation = OPERATION_ROTATE, .destination = true);
    DENIED("RotateTunnelAccessToken on the destination's token, because DESTINATION is not among "
           "the key's client-modes.",
           .operation = OPERATION_ROTATE, .source = true, .destination = true);
    ALLOWED(.operation = OPERATION_OPEN);
    use("client-modes = DESTINATION\n");
    ALLOWED(.operation = OPERATION_ROTATE, .destination = true);
    DENIED("RotateTunnelAccessToken on the source's token, because SOURCE is not among the key's "
           "client-modes.",
           .operation = OPERATION_ROTATE, .source = true);
    DENIED("RotateTunnelAccessToken on the source's token, because SOURCE is not among the key's "
           "client-modes.",
           .operation = OPERATION_ROTATE, .source = true, .destination = true);
    use("client-modes = SOURCE,DESTINATION\n");
    ALLOWED(.operation = OPERATION_ROTATE, .source = true, .destination = true);
    use("client-modes = ALL\n");
    ALLOWED(.operation = OPERATION_ROTATE, .source = true, .destination = true);
}

static void by_deletion(void **state)
{
    (void)state;
    use("may-delete = no\n");
    ALLOWED(.operation = OPERATION_CLOSE);
    DENIED("CloseTunnel on the tunnel with delete, because the key's may-delete is \"no\".",
           .operation = OPERATION_CLOSE, .remove = true);
    use("may-delete = yes\n");
    ALLOWED(.operation = OPERATION_CLOSE, .remove = true);
}

static void what_a_list_shows(void **state)
{
    (void)state;
    use("things = plant-*\ntags = team=ops\noperations = OpenTunnel\nservices = SSH1\n");
    assert_true(sees("plant-7", &ops));
    assert_true(sees("plant-7", &ops_too));
    assert_false(sees("plant-7", &dev));
    assert_false(sees("plant-7", NULL));
    assert_false(sees("press", &ops));
    assert_false(sees("", &ops));
    assert_false(sees(NULL, &ops));
    use("tags = team\n");
    assert_true(sees(NULL, &dev));
    assert_false(sees(NULL, &colour));
}

/* ---- policies ---- */

#define POLICY "[policy service]\nprimary-key = MDEyMzQ1Njc4OWFiY2RlZg==\n"

static void policies(void **state)
{
    struct access_request w = {.operation = OPERATION_CONNECT_DEVICE, .thing = "plant-7"};
    (void)state;
    struct keys *k =
        read_keys(KEY POLICY "secondary-key=ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=\n"
                             "things = plant-*\nservices = SSH*\n[policy one]\n"
                             "primary-key = MDEyMzQ1Njc4OWFiY2RlZjA=\n");
    const struct access_key *p = keys_find(k, span_of("service"));
    assert_int_equal(keys_count(k), 3);
    assert_string_equal(access_key_id(p), "service");
    assert_int_equal(access_key_secret(p).n, 0);
    assert_int_equal(access_key_of_policy(p, false)->n, 16);
    assert_memory_equal(access_key_of_policy(p, false)->bytes, "0123456789abcdef", 16);
    assert_int_equal(access_key_of_policy(p, true)->n, 32);
    assert_null(access_key_of_policy(keys_find(k, span_of("one")), true));
    assert_null(access_key_of_policy(keys_find(k, span_of("A")), false));
    struct texts services = {0};
    texts_add(&services, span_of("SSH1"));
    w.services = &services;
    assert_null(key_denies(p, &w));
    w.thing = "press";
    assert_non_null(key_denies(p, &w));
    for (int o = 0; o < OPERATION_COUNT; o++)
        assert_true((key_denies_operation(p, (enum operation)o) == NULL) ==
                    (o == OPERATION_CONNECT_DEVICE));
    texts_free(&services);
    keys_free(k);
}

static void policies_refused(void **state)
{
    static const struct {
        const char *text, *sentence;
    } cases[] = {
        {"[policy service]\n", ":1: service has no primary-key"},
        {POLICY "secret = wJalrXUtnFEMI/K7MDENG\n", ":3: \"secret\" is no setting of a policy"},
        {POLICY "operations = OpenTunnel\n", ":3: \"operations\" is no setting of a policy"},
        {KEY "primary-key = MDEyMzQ1Njc4OWFiY2RlZg==\n",
         ":3: \"primary-key\" is no setting of a key"},
        {KEY "[policy A]\n", ":3: \"A\" is there twice"},
        {"[policy p]\nprimary-key = MDEyMzQ1Njc4OWFiY2Rl\n",
         ":2: a key of policy p is not the base64 of 16 to 64 bytes (openssl rand -base64 32 makes "
         "one)"},
        {POLICY "secondary-key = not base64\n",
         ":3: a key of policy service is not the base64 of 16 to 64 bytes (openssl rand -base64 32 "
         "makes one)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put(cases[i].text, strlen(cases[i].text));
        fails(ERR_USAGE, cases[i].sentence);
    }
}

#define WITH_FILE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#define WITH_KEYS(test) cmocka_unit_test_setup_teardown(test, setup, drop_keys)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations),
        WITH_FILE(finds_keys),
        WITH_FILE(many_keys),
        WITH_FILE(refused),
        WITH_FILE(secrets_are_not_quoted),
        WITH_FILE(who_may_read),
        WITH_FILE(not_a_file),
        WITH_FILE(policies),
        WITH_FILE(policies_refused),
        WITH_KEYS(all_is_allowed),
        WITH_KEYS(by_operation),
        WITH_KEYS(by_thing),
        WITH_KEYS(by_service),
        WITH_KEYS(by_tag),
        WITH_KEYS(tags_that_must_stay),
        WITH_KEYS(by_mode),
        WITH_KEYS(by_deletion),
        WITH_KEYS(what_a_list_shows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
