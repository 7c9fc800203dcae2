#include "tests/unit/ctl_help.h"

#define NOW_MS 1795261200000 /* 2026-11-21 11:40 UTC */

char directory[64];

/* ---- a service that expects certain calls ---- */

struct step call(const char *operation, const char *input, int status, const char *answer)
{
    return (struct step){
        .operation = operation, .input = input, .status = status, .answer = answer};
}

struct step lost(const char *operation, enum err why, const char *text)
{
    return (struct step){.operation = operation, .why = why, .answer = text};
}

struct fake fake;

static void wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void wrong(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (fake.problem[0] == '\0')
        vsnprintf(fake.problem, sizeof fake.problem, format, args);
    va_end(args);
}

static void keep(char *to, size_t size, struct span s)
{
    snprintf(to, size, "%.*s", (int)s.n, s.n > 0 ? s.p : "");
}

static void look_at(const struct http_head *head, struct span body, const struct step *step)
{
    struct span target = http_header(head, "X-Amz-Target");
    struct sigv4_auth auth;
    char name[100];
    bool own = strchr(step->operation, '.') != NULL; /* of the hub's own: it names its service */
    snprintf(name, sizeof name, "%s%s", own ? "" : "IoTSecuredTunneling.", step->operation);
    if (!span_is(target, name))
        wrong("call %zu is %.*s, not %s", fake.at, (int)target.n, target.p, name);
    else if (step->input != NULL && !span_is(body, step->input))
        wrong("%s with %.*s, not %s", step->operation, (int)body.n, body.p, step->input);
    if (!span_is(head->method, "POST") || head->content_length != (int64_t)body.n ||
        !span_is(http_header(head, "content-type"), "application/x-amz-json-1.1"))
        wrong("%s: the head is not as it should be", step->operation);
    keep(fake.host, sizeof fake.host, http_header(head, "host"));
    keep(fake.path, sizeof fake.path, head->target);
    keep(fake.authorization, sizeof fake.authorization, http_header(head, "authorization"));
    fake.verdict = sigv4_parse(head, &auth);
    if (fake.verdict == SIGV4_OK)
        fake.verdict = sigv4_verify(&auth, head, body, span_of("secret"), NOW_MS);
}

/* Twice would be two tunnels, or tokens that nobody is told. */
static bool is_for_once(const struct http_head *head)
{
    struct span target = http_header(head, "x-amz-target");
    return span_is(target, "IoTSecuredTunneling.OpenTunnel") ||
           span_is(target, "IoTSecuredTunneling.RotateTunnelAccessToken") ||
           span_is(target, "TunnelHub.CreateInvitation");
}

enum err fake_post(void *carrier, const struct call_request *r, struct call_answer *answer,
                   char *text, size_t size)
{
    struct span request = r->bytes;
    struct http_reader *reader = http_reader_new(HTTP_REQUEST, 32768);
    (void)carrier;
    *answer = (struct call_answer){.body.limit = CALL_ANSWER_MAX};
    long used = http_reader_feed(reader, (const uint8_t *)request.p, request.n);
    if (used < 0 || http_reader_head(reader) == NULL || fake.at == fake.n) {
        wrong(fake.at == fake.n ? "one call too many: %.*s" : "not a request: %.*s", (int)request.n,
              request.p);
        http_reader_free(reader);
        return ERR_INTERNAL;
    }
    if (r->repeatable == is_for_once(http_reader_head(reader)))
        wrong("repeatable: %d", r->repeatable);
    const struct step *step = &fake.steps[fake.at++];
    look_at(http_reader_head(reader), (struct span){request.p + used, request.n - (size_t)used},
            step);
    http_reader_free(reader);
    if (step->status == 0) {
        snprintf(text, size, "%s", step->answer);
        return step->why;
    }
    answer->status = step->status;
    snprintf(answer->error, sizeof answer->error, "%s", step->error != NULL ? step->error : "");
    buf_append(&answer->body, step->answer, strlen(step->answer));
    return ERR_OK;
}

int64_t fake_clock(void)
{
    return NOW_MS;
}

/* ---- running commands ---- */

char out[100000], err[20000];

void read_back(int fd, char *text, size_t size)
{
    ssize_t n = pread(fd, text, size - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    close(fd);
}

int swap(int fd, int to)
{
    int old = dup(to);
    dup2(fd, to);
    return old;
}

void swap_back(int old, int to)
{
    dup2(old, to);
    close(old);
}

int new_file(void)
{
    char path[100];
    snprintf(path, sizeof path, "%s/out-XXXXXX", directory);
    int fd = mkostemp(path, O_CLOEXEC);
    assert_true(fd >= 0);
    unlink(path);
    return fd;
}

int run_words(const struct step *steps, size_t n, size_t argc, const char *const *words)
{
    struct ctl c = {.api = {.post = fake_post, .clock = fake_clock}};
    char *argv[40] = {NULL}, copies[40][300];
    int out_fd = new_file(), err_fd = new_file();
    memset(&fake, 0, sizeof fake);
    fake.steps = steps;
    fake.n = n;
    for (size_t i = 0; i < argc; i++) {
        snprintf(copies[i], sizeof copies[i], "%s", words[i]);
        argv[i] = copies[i];
    }
    fflush(stdout);
    int old_out = swap(out_fd, 1), old_err = swap(err_fd, 2);
    int code = ctl_main(&c, (int)argc, argv);
    fflush(stdout);
    swap_back(old_out, 1);
    swap_back(old_err, 2);
    read_back(out_fd, out, sizeof out);
    read_back(err_fd, err, sizeof err);
    assert_string_equal(fake.problem, "");
    assert_int_equal(fake.at, n);
    return code;
}

void assert_has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        print_error("have \"%s\"\nwant \"%s\" in it\n", text, part);
        fail();
    }
}

void assert_has_not(const char *text, const char *part)
{
    if (strstr(text, part) != NULL) {
        print_error("have \"%s\"\nwant no \"%s\" in it\n", text, part);
        fail();
    }
}

/* ---- open ---- */

const char *file_in(const char *name)
{
    static char paths[4][200];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}

void put_file(const char *path, const char *content)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(content, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

/* ---- keys ---- */

void set_keys(bool on)
{
    if (on) {
        setenv("AWS_ACCESS_KEY_ID", "AKIDTEST", 1);
        setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    } else {
        unsetenv("AWS_ACCESS_KEY_ID");
        unsetenv("AWS_SECRET_ACCESS_KEY");
        unsetenv("AWS_SESSION_TOKEN");
    }
}

/* ---- the gateway ---- */

static const char gateway_script[] = "#!/bin/sh\n"
                                     "echo \"args: $*\"\n"
                                     "env | grep -E '^AWS' | sort\n"
                                     "[ -z \"$GATEWAY_SIGNAL\" ] || kill -$GATEWAY_SIGNAL $$\n"
                                     "exit ${GATEWAY_CODE:-7}\n";

void make_gateway(void)
{
    char path[300];
    int fd = open(file_in("tunnel-gateway"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    assert_true(write(fd, gateway_script, sizeof gateway_script - 1) > 0);
    close(fd);
    snprintf(path, sizeof path, "%s:/usr/bin:/bin", directory);
    setenv("PATH", path, 1);
}

int begin(void **state)
{
    static const char *const cleared[] = {"AWS_ACCESS_KEY_ID",
                                          "AWS_SECRET_ACCESS_KEY",
                                          "AWS_SESSION_TOKEN",
                                          "AWS_PROFILE",
                                          "AWS_CA_BUNDLE",
                                          "AWS_REGION",
                                          "AWS_DEFAULT_REGION",
                                          "AWS_CONFIG_FILE",
                                          "AWS_SHARED_CREDENTIALS_FILE",
                                          "TUNNEL_ENDPOINT",
                                          "AWSIOT_TUNNEL_ACCESS_TOKEN",
                                          "AWSIOT_TUNNEL_ENDPOINT"};
    (void)state;
    strcpy(directory, "/tmp/ctl-test-XXXXXX");
    if (mkdtemp(directory) == NULL)
        return -1;
    for (size_t i = 0; i < sizeof cleared / sizeof *cleared; i++)
        unsetenv(cleared[i]);
    setenv("HOME", directory, 1);
    make_gateway();
    return 0;
}

int finish(void **state)
{
    (void)state;
    unlink(file_in("tunnel-gateway"));
    return rmdir(directory);
}
