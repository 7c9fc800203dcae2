/* The tunnels file and the life of tokens. */
#include "gateway/hub/tunnels.h"

#include "core/base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define HASHES "\"source-token-sha256\":\"" HASH_A "\",\"destination-token-sha256\":\"" HASH_B "\""
#define CLIENT_1 "11111111111111111111111111111111"
#define CLIENT_2 "22222222222222222222222222222222"

static char folder[64], path[96];

static int setup(void **state)
{
    (void)state;
    log_setup(LOG_OFF, false);
    snprintf(folder, sizeof folder, "/tmp/test-tunnels-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/tunnels.json", folder);
    return 0;
}

static int teardown(void **state)
{
    char lock[128];
    (void)state;
    snprintf(lock, sizeof lock, "%s.lock", path);
    unlink(path);
    unlink(lock);
    return rmdir(folder);
}

/* ---- the file ---- */

static void rejects(const char *json, const char *words)
{
    struct tunnel_file f;
    char text[256] = "";
    assert_int_equal(tunnel_file_parse(json, strlen(json), &f, text, sizeof text), ERR_PROTOCOL);
    if (strstr(text, words) == NULL)
        fail_msg("%s: \"%s\" lacks \"%s\"", json, text, words);
    assert_int_equal(f.n, 0);
    assert_null(f.records);
}

static void test_parse(void **state)
{
    (void)state;
    static const char json[] =
        "{\"tunnels\": [{\"id\": \"t1\", \"name\": \"plant 7\", \"services\": [\"SSH1\", "
        "\"HTTP1\"]," HASHES ", \"created\": 1763678000, \"expires\": 1763700000}]}\n";
    struct tunnel_file f;
    char text[256];
    assert_int_equal(tunnel_file_parse(json, strlen(json), &f, text, sizeof text), ERR_OK);
    assert_int_equal(f.n, 1);
    assert_string_equal(f.records[0].id, "t1");
    assert_string_equal(f.records[0].name, "plant 7");
    assert_int_equal(f.records[0].n_services, 2);
    assert_string_equal(f.records[0].services[1], "HTTP1");
    assert_int_equal(f.records[0].hash[SIDE_SOURCE][31], 0xaa);
    assert_int_equal(f.records[0].hash[SIDE_DESTINATION][0], 0xbb);
    assert_int_equal(f.records[0].created, 1763678000);
    assert_int_equal(f.records[0].expires, 1763700000);

    char *printed = tunnel_file_print(&f);
    struct tunnel_file again;
    assert_non_null(printed);
    assert_int_equal(tunnel_file_parse(printed, strlen(printed), &again, text, sizeof text), 0);
    char *printed_again = tunnel_file_print(&again);
    assert_string_equal(printed, printed_again);
    free(printed);
    free(printed_again);
    tunnel_file_free(&again);
    tunnel_file_free(&f);
}

static void test_parse_least(void **state)
{
    (void)state;
    static const char json[] = "{\"tunnels\":[{\"id\":\"t\"," HASHES "}]}";
    struct tunnel_file f;
    char text[256];
    assert_int_equal(tunnel_file_parse(json, strlen(json), &f, text, sizeof text), ERR_OK);
    assert_string_equal(f.records[0].name, "");
    assert_int_equal(f.records[0].n_services, 0);
    assert_int_equal(f.records[0].expires, 0);
    tunnel_file_free(&f);
    assert_int_equal(tunnel_file_parse("{\"tunnels\":[]}", 14, &f, text, sizeof text), ERR_OK);
    assert_int_equal(f.n, 0);
    tunnel_file_free(&f);
}

#define ONE(inside) "{\"tunnels\":[{" inside "}]}"

static void test_parse_rejects(void **state)
{
    (void)state;
    rejects("", "line 1, column 1");
    rejects("{\"tunnels\":\n  [{]}", "line 2, column ");
    rejects("{\"tunnels\":[]} x", "line 1, column 16");
    rejects("[]", "one key");
    rejects("{}", "one key");
    rejects("{\"tunnels\":{}}", "one key");
    rejects("{\"tunnels\":[],\"x\":1}", "one key");
    rejects("{\"tunnels\":[1]}", "tunnel 1: must be an object");
    rejects(ONE(HASHES), "tunnel 1: \"id\" is missing");
    rejects(ONE("\"id\":\"t\""), "\"source-token-sha256\" is missing");
    rejects(ONE("\"id\":\"t\",\"id\":\"t\"," HASHES), "\"id\" is given twice");
    rejects(ONE("\"id\":\"\"," HASHES), "1 to 128");
    rejects(ONE("\"id\":5," HASHES), "must be a string");
    rejects(ONE("\"id\":\"a\\nb\"," HASHES), "control character");
    rejects(ONE("\"id\":\"t\",\"colour\":1," HASHES), "unknown key \"colour\"");
    rejects(ONE("\"id\":\"t\",\"services\":\"A\"," HASHES), "array");
    rejects(ONE("\"id\":\"t\",\"services\":[\"A\",\"A\"]," HASHES), "listed twice");
    rejects(ONE("\"id\":\"t\",\"services\":[\"A B\"]," HASHES), "service id");
    rejects(ONE("\"id\":\"t\",\"services\":[\"\"]," HASHES), "service id");
    rejects(ONE("\"id\":\"t\",\"services\":[1]," HASHES), "service id");
    rejects(ONE("\"id\":\"t\",\"expires\":\"soon\"," HASHES), "seconds since 1970");
    rejects(ONE("\"id\":\"t\",\"expires\":-1," HASHES), "seconds since 1970");
    rejects(ONE("\"id\":\"t\",\"expires\":1.5," HASHES), "seconds since 1970");
    rejects(ONE("\"id\":\"t\",\"expires\":1e300," HASHES), "seconds since 1970");
    rejects(ONE("\"id\":\"t\",\"source-token-sha256\":\"abc\""), "64 hexadecimal digits");
    rejects(ONE("\"id\":\"t\",\"source-token-sha256\":\"" HASH_A
                "\",\"destination-token-sha256\":\"" HASH_A "\""),
            "used twice");
    rejects("{\"tunnels\":[{\"id\":\"t\"," HASHES "},{\"id\":\"t\"," HASHES "}]}",
            "tunnel 2: its id is used twice");
    rejects("{\"tunnels\":[{\"id\":\"t\"," HASHES "},{\"id\":\"u\"," HASHES "}]}",
            "tunnel 2: its \"source-token-sha256\" is used twice");
}

/* Every prefix and every single changed byte: an error or a file, never a crash. */
static void test_parse_damaged(void **state)
{
    (void)state;
    static const char json[] =
        "{\"tunnels\":[{\"id\":\"t\",\"services\":[\"A\"],\"expires\":5," HASHES "}]}";
    struct tunnel_file f;
    char text[256], copy[sizeof json];
    for (size_t n = 0; n + 1 < sizeof json; n++)
        assert_int_equal(tunnel_file_parse(json, n, &f, text, sizeof text),
                         n == sizeof json - 1 ? ERR_OK : ERR_PROTOCOL);
    for (size_t i = 0; i + 1 < sizeof json; i++) {
        memcpy(copy, json, sizeof json);
        copy[i] ^= 1;
        if (tunnel_file_parse(copy, sizeof json - 1, &f, text, sizeof text) == ERR_OK)
            tunnel_file_free(&f);
    }
}

/* ---- writing ---- */

struct entry {
    const char *id, *source, *destination, *service;
    int64_t expires;
};

static enum err append(void *ctx, struct tunnel_file *f, char *text, size_t size)
{
    const struct entry *e = ctx;
    struct tunnel_record r = {.id = strdup(e->id), .name = strdup(""), .expires = e->expires};
    (void)text;
    (void)size;
    r.services = calloc(1, sizeof *r.services);
    if (e->service != NULL)
        r.services[r.n_services++] = strdup(e->service);
    token_hash(span_of(e->source), r.hash[SIDE_SOURCE]);
    token_hash(span_of(e->destination), r.hash[SIDE_DESTINATION]);
    return tunnel_file_add(f, &r) ? ERR_OK : ERR_NO_MEMORY;
}

static enum err remove_named(void *ctx, struct tunnel_file *f, char *text, size_t size)
{
    for (size_t i = 0; i < f->n; i++) {
        if (strcmp(f->records[i].id, ctx) != 0)
            continue;
        tunnel_file_remove(f, i);
        return ERR_OK;
    }
    snprintf(text, size, "not there");
    return ERR_NOT_FOUND;
}

static void add(const char *id, const char *source, const char *destination, const char *service,
                int64_t expires)
{
    struct entry e = {id, source, destination, service, expires};
    char text[256];
    assert_int_equal(tunnel_file_update(path, append, &e, text, sizeof text), ERR_OK);
}

static void remove_id(const char *id)
{
    char copy[32], text[256];
    snprintf(copy, sizeof copy, "%s", id);
    assert_int_equal(tunnel_file_update(path, remove_named, copy, text, sizeof text), ERR_OK);
}

static void test_update(void **state)
{
    (void)state;
    struct tunnel_file f;
    struct stat st;
    char text[256], nobody[] = "nobody";
    assert_int_equal(tunnel_file_read(path, &f, text, sizeof text), ERR_NOT_FOUND);
    add("a", "sa", "da", NULL, 0);
    add("b", "sb", "db", "SSH1", 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(tunnel_file_update(path, remove_named, nobody, text, sizeof text),
                     ERR_NOT_FOUND);
    remove_id("a");
    assert_int_equal(tunnel_file_read(path, &f, text, sizeof text), ERR_OK);
    assert_int_equal(f.n, 1);
    assert_string_equal(f.records[0].id, "b");
    tunnel_file_free(&f);
}

/* Two writers at once: nothing is lost. */
static void test_update_at_once(void **state)
{
    (void)state;
    enum { WRITERS = 4, EACH = 5 };
    pid_t children[WRITERS];
    struct tunnel_file f;
    char text[256];
    for (int w = 0; w < WRITERS; w++) {
        children[w] = fork();
        assert_true(children[w] >= 0);
        if (children[w] != 0)
            continue;
        int failed = 0;
        for (int i = 0; i < EACH; i++) {
            char id[16], source[16], destination[16];
            snprintf(id, sizeof id, "%d-%d", w, i);
            snprintf(source, sizeof source, "s%d-%d", w, i);
            snprintf(destination, sizeof destination, "d%d-%d", w, i);
            struct entry e = {id, source, destination, NULL, 0};
            failed |= tunnel_file_update(path, append, &e, text, sizeof text) != ERR_OK;
        }
        _exit(failed);
    }
    for (int w = 0; w < WRITERS; w++) {
        int status = 1;
        assert_int_equal(waitpid(children[w], &status, 0), children[w]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(tunnel_file_read(path, &f, text, sizeof text), ERR_OK);
    assert_int_equal(f.n, WRITERS * EACH);
    tunnel_file_free(&f);
}

/* ---- the registry ---- */

struct events {
    int ended, rotated;
    char why[128];
    char id[32];
    enum side side;
};

static void on_ended(void *owner, struct tunnel *t, const char *why)
{
    struct events *e = owner;
    e->ended++;
    snprintf(e->why, sizeof e->why, "%s", why);
    snprintf(e->id, sizeof e->id, "%s", t->record->id);
}

static void on_rotated(void *owner, struct tunnel *t, enum side side)
{
    struct events *e = owner;
    (void)t;
    e->rotated++;
    e->side = side;
}

static const struct tunnels_events callbacks = {.ended = on_ended, .rotated = on_rotated};

static struct admission admit(struct tunnels *ts, enum side side, const char *token,
                              const char *client_token, int64_t now)
{
    struct request r = {.kind = REQUEST_TUNNEL,
                        .side = side,
                        .token = span_of(token),
                        .client_token = span_of(client_token)};
    return tunnels_admit(ts, &r, now);
}

static void refused(struct admission a, int status, const char *words)
{
    assert_null(a.tunnel);
    assert_int_equal(a.status, status);
    if (strstr(a.text, words) == NULL)
        fail_msg("\"%s\" lacks \"%s\"", a.text, words);
}

static struct tunnels *load(struct events *e)
{
    char text[256];
    struct tunnels *ts = tunnels_new(path, &callbacks, e);
    assert_non_null(ts);
    assert_int_equal(tunnels_load(ts, 1000, text, sizeof text), ERR_OK);
    return ts;
}

static void test_single_use(void **state)
{
    (void)state;
    struct events e = {0};
    add("a", "sa", "da", "SSH1", 0);
    struct tunnels *ts = load(&e);
    refused(admit(ts, SIDE_SOURCE, "nonsense", NULL, 1000), 403, "no open tunnel");
    refused(admit(ts, SIDE_DESTINATION, "sa", NULL, 1000), 403, "it is the source's");
    refused(admit(ts, SIDE_SOURCE, "da", NULL, 1000), 403, "it is the destination's");

    struct admission a = admit(ts, SIDE_SOURCE, "sa", NULL, 1000);
    assert_non_null(a.tunnel);
    assert_string_equal(a.tunnel->record->id, "a");
    refused(admit(ts, SIDE_SOURCE, "sa", NULL, 1000), 400,
            "The access token was previously used and can not be used again.");
    refused(admit(ts, SIDE_SOURCE, "sa", CLIENT_1, 1000), 400, "previously used");

    assert_ptr_equal(admit(ts, SIDE_DESTINATION, "da", CLIENT_1, 1000).tunnel, a.tunnel);
    refused(admit(ts, SIDE_DESTINATION, "da", CLIENT_2, 1000), 400,
            "does not match the client token that was previously set");
    refused(admit(ts, SIDE_DESTINATION, "da", NULL, 1000), 400, "previously used");
    assert_ptr_equal(admit(ts, SIDE_DESTINATION, "da", CLIENT_1, 1000).tunnel, a.tunnel);
    assert_int_equal(e.ended + e.rotated, 0);
    tunnels_free(ts);
}

static void test_new_tunnel_needs_no_signal(void **state)
{
    (void)state;
    struct events e = {0};
    char text[256];
    struct tunnels *ts = tunnels_new(path, &callbacks, &e);
    assert_int_equal(tunnels_load(ts, 1000, text, sizeof text), ERR_NOT_FOUND);
    refused(admit(ts, SIDE_SOURCE, "sa", NULL, 1000), 403, "no open tunnel");
    add("a", "sa", "da", NULL, 0);
    struct tunnel *a = admit(ts, SIDE_SOURCE, "sa", NULL, 1000).tunnel;
    assert_non_null(a);
    add("b", "sb", "db", NULL, 0);
    assert_non_null(admit(ts, SIDE_SOURCE, "sb", NULL, 1000).tunnel);
    assert_int_equal(tunnels_count(ts), 2);
    /* the first one goes on, with what was used */
    assert_ptr_equal(admit(ts, SIDE_DESTINATION, "da", NULL, 1000).tunnel, a);
    refused(admit(ts, SIDE_SOURCE, "sa", NULL, 1000), 400, "previously used");
    tunnels_free(ts);
}

static void test_removed(void **state)
{
    (void)state;
    struct events e = {0};
    add("a", "sa", "da", NULL, 0);
    add("b", "sb", "db", NULL, 0);
    struct tunnels *ts = load(&e);
    remove_id("a");
    tunnels_refresh(ts, 1000);
    assert_int_equal(e.ended, 1);
    assert_string_equal(e.id, "a");
    assert_string_equal(e.why, "the tunnel was closed");
    refused(admit(ts, SIDE_SOURCE, "sa", NULL, 1000), 403, "no open tunnel");
    assert_non_null(admit(ts, SIDE_SOURCE, "sb", NULL, 1000).tunnel);
    tunnels_refresh(ts, 1000);
    assert_int_equal(e.ended, 1);
    tunnels_free(ts);
}

static void test_expiry(void **state)
{
    (void)state;
    struct events e = {0};
    add("a", "sa", "da", NULL, 2000);
    add("b", "sb", "db", NULL, 3000);
    add("c", "sc", "dc", NULL, 999);
    struct tunnels *ts = load(&e);
    assert_int_equal(tunnels_count(ts), 2); /* c was over before */
    tunnels_refresh(ts, 1999);
    assert_int_equal(e.ended, 0);
    tunnels_refresh(ts, 2000);
    assert_int_equal(e.ended, 1);
    assert_string_equal(e.id, "a");
    assert_string_equal(e.why, "the tunnel has expired");
    /* also without anybody looking */
    refused(admit(ts, SIDE_SOURCE, "sb", NULL, 3000), 403, "no open tunnel");
    assert_int_equal(e.ended, 2);
    assert_int_equal(tunnels_count(ts), 0);
    tunnels_free(ts);
}

static void test_changes(void **state)
{
    (void)state;
    struct events e = {0};
    char text[256];
    add("a", "sa", "da", NULL, 0);
    struct tunnels *ts = load(&e);
    struct tunnel *a = admit(ts, SIDE_SOURCE, "sa", NULL, 1000).tunnel;
    assert_non_null(admit(ts, SIDE_DESTINATION, "da", NULL, 1000).tunnel);
    /* another token for the source */
    remove_id("a");
    add("a", "sa2", "da", NULL, 0);
    assert_int_equal(tunnels_load(ts, 1000, text, sizeof text), ERR_OK);
    assert_int_equal(e.rotated, 1);
    assert_int_equal(e.side, SIDE_SOURCE);
    assert_int_equal(e.ended, 0);
    refused(admit(ts, SIDE_SOURCE, "sa", NULL, 1000), 403, "no open tunnel");
    assert_ptr_equal(admit(ts, SIDE_SOURCE, "sa2", NULL, 1000).tunnel, a);
    refused(admit(ts, SIDE_DESTINATION, "da", NULL, 1000), 400, "previously used");
    /* other services: another tunnel */
    remove_id("a");
    add("a", "sa2", "da", "SSH1", 0);
    assert_int_equal(tunnels_load(ts, 1000, text, sizeof text), ERR_OK);
    assert_int_equal(e.ended, 1);
    assert_string_equal(e.why, "the tunnel's services have changed");
    a = admit(ts, SIDE_SOURCE, "sa2", NULL, 1000).tunnel;
    assert_non_null(a);
    assert_int_equal(a->record->n_services, 1);
    tunnels_free(ts);
}

static void test_broken_file_keeps_tunnels(void **state)
{
    (void)state;
    struct events e = {0};
    char text[512];
    add("a", "sa", "da", NULL, 0);
    struct tunnels *ts = load(&e);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("{\"tunnels\": [\n{\"id\" \"a\"}]}", f);
    fclose(f);
    tunnels_refresh(ts, 1000);
    assert_int_equal(tunnels_load(ts, 1000, text, sizeof text), ERR_PROTOCOL);
    assert_non_null(strstr(text, path));
    assert_non_null(strstr(text, "line 2, column 7"));
    assert_int_equal(e.ended, 0);
    assert_non_null(admit(ts, SIDE_SOURCE, "sa", NULL, 1000).tunnel);
    unlink(path);
    tunnels_refresh(ts, 1000);
    assert_non_null(admit(ts, SIDE_DESTINATION, "da", NULL, 1000).tunnel);
    tunnels_free(ts);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_least),
        cmocka_unit_test(test_parse_rejects),
        cmocka_unit_test(test_parse_damaged),
        TEST(test_update),
        TEST(test_update_at_once),
        TEST(test_single_use),
        TEST(test_new_tunnel_needs_no_signal),
        TEST(test_removed),
        TEST(test_expiry),
        TEST(test_changes),
        TEST(test_broken_file_keeps_tunnels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
