#include "tests/support/api.h"

struct world world;

struct reply reply;

void reply_clear(void)
{
    cJSON_Delete(reply.json);
    free(reply.body);
    reply = (struct reply){0};
}

/* ---- the world ---- */

static void on_opened(void *owner, const struct tunnel_record *t,
                      const char *const token[SIDE_COUNT])
{
    (void)owner, (void)token;
    api_opened(world.api, t);
}

static void on_ended(void *owner, const struct tunnel_record *t, const char *why)
{
    (void)owner;
    assert_non_null(t);
    assert_true(why[0] != '\0');
    world.ended[0]++;
    world.ended_why = why;
}

static void on_rotated_side(void *owner, const struct tunnel_record *t, enum side side,
                            const char *token)
{
    assert_true(strncmp(token, "st1.", 4) == 0);
    (void)owner;
    assert_non_null(t);
    world.rotated[side]++;
}

static const struct registry_events world_events = {
    .opened = on_opened, .ended = on_ended, .rotated = on_rotated_side};

static struct registry_subscriber world_subscriber = {.events = &world_events, .owner = &world};

static int64_t world_clock(void)
{
    return world.now;
}

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

void world_rules(const char *keys, const char *limits)
{
    char text[256];
    enum err why;
    struct keys *old_keys = world.keys;
    struct limit_book *old_limits = world.limits;
    world.keys = NULL;
    if (keys != NULL) {
        write_file(world.keys_file, keys);
        world.keys = keys_read(world.keys_file, &why, text, sizeof text);
        if (world.keys == NULL)
            fail_msg("%s", text);
    }
    write_file(world.limits_file, limits);
    world.limits = limits_read(NULL, world.limits_file, &why, text, sizeof text);
    if (world.limits == NULL)
        fail_msg("%s", text);
    api_rules(world.api, world.keys, world.limits);
    keys_free(old_keys);
    limits_free(old_limits);
}

void world_api(bool unsigned_loopback)
{
    struct api_options o = {.registry = world.registry,
                            .devices = world.devices,
                            .notices = world.notices,
                            .audit = world.audit,
                            .secrets_key = world.secrets_key,
                            .region = "eu-test-1",
                            .account = "123456789012",
                            .allow_unsigned_loopback = unsigned_loopback,
                            .clock = world_clock};
    world.api = api_new(&o);
    assert_non_null(world.api);
}

static uint64_t notices_now(void *owner)
{
    (void)owner;
    return uv_hrtime() / 1000000;
}

static int64_t notices_wall(void *owner)
{
    (void)owner;
    return world.now;
}

static void new_token(char *out, size_t size)
{
    assert_in_range(size, ACCESS_TOKEN_SIZE, SIZE_MAX);
    access_token_new(out);
}

static void open_notices(void)
{
    world.notices = notices_new(&(struct notices_options){.registry = world.registry,
                                                          .token_new = new_token,
                                                          .now = notices_now,
                                                          .wall = notices_wall});
    assert_non_null(world.notices);
}

int world_begin(void **state)
{
    char text[256], state_folder[96];
    enum err why;
    loop_begin(state);
    memset(&world, 0, sizeof world);
    world.now = NOW;
    snprintf(world.folder, sizeof world.folder, "/tmp/test-api-XXXXXX");
    assert_non_null(mkdtemp(world.folder));
    snprintf(state_folder, sizeof state_folder, "%s/state", world.folder);
    snprintf(world.keys_file, sizeof world.keys_file, "%s/keys", world.folder);
    snprintf(world.limits_file, sizeof world.limits_file, "%s/limits", world.folder);
    snprintf(world.audit_file, sizeof world.audit_file, "%s/audit", world.folder);
    world.devices =
        device_registry_new(&(struct device_registry_options){.loop = loop, .now = world_clock});
    assert_non_null(world.devices);
    if (getenv("TEST_LATE") != NULL)
        world.devices = late_devices_new(loop, world.devices);
    struct registry_options o = {.loop = loop,
                                 .folder = state_folder,
                                 .companion = device_registry_companion(world.devices)};
    world.tunnels = world.registry = registry_new(&o, &why, text, sizeof text);
    if (world.tunnels == NULL)
        fail_msg("%s", text);
    if (getenv("TEST_LATE") != NULL)
        world.registry = late_registry_new(loop, world.tunnels);
    registry_subscribe(world.registry, &world_subscriber);
    world.audit = audit_new(world.audit_file, &why);
    assert_non_null(world.audit);
    open_notices();
    world_api(true);
    world_rules(NULL, "");
    return 0;
}

static void remove_tree(const char *path)
{
    DIR *dir = opendir(path);
    if (dir == NULL) {
        unlink(path);
        return;
    }
    for (struct dirent *e; (e = readdir(dir)) != NULL;) {
        char *inner = NULL;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        assert_true(asprintf(&inner, "%s/%s", path, e->d_name) > 0);
        remove_tree(inner);
        free(inner);
    }
    closedir(dir);
    rmdir(path);
}

void world_close(void)
{
    notices_free(world.notices);
    api_without_notices(world.api);
    registry_free(world.registry);
    device_registry_free(world.devices);
    world.notices = NULL;
    world.registry = world.tunnels = NULL;
    world.devices = NULL;
}

int world_end(void **state)
{
    reply_clear();
    world_close();
    api_free(world.api);
    audit_free(world.audit);
    keys_free(world.keys);
    limits_free(world.limits);
    remove_tree(world.folder);
    return loop_end(state);
}

/* ---- calls ---- */

static void on_answer(void *ctx, const struct api_answer *a)
{
    struct reply *r = ctx;
    r->calls++;
    r->status = a->status;
    memcpy(r->request_id, a->request_id, sizeof r->request_id);
    snprintf(r->error, sizeof r->error, "%s", a->error != NULL ? a->error : "");
    r->body = span_dup(a->body);
    assert_non_null(r->body);
    r->json = cJSON_Parse(r->body);
}

void check_reply(void)
{
    assert_int_equal(reply.calls, 1);
    assert_int_equal(strlen(reply.request_id), 36);
    assert_int_equal(reply.request_id[14], '4');
    assert_true(cJSON_IsObject(reply.json));
    const cJSON *type = cJSON_GetObjectItemCaseSensitive(reply.json, "__type");
    if (reply.status == 200) {
        assert_string_equal(reply.error, "");
        assert_null(type);
        return;
    }
    assert_string_equal(type->valuestring, reply.error);
    assert_true(cJSON_IsString(cJSON_GetObjectItemCaseSensitive(reply.json, "message")));
}

void begin_ask(const char *client, const char *head, const char *body, struct reply *to)
{
    struct http_reader *reader = http_reader_new(HTTP_REQUEST, 65536);
    assert_non_null(reader);
    assert_int_equal(http_reader_feed(reader, (const uint8_t *)head, strlen(head)), strlen(head));
    assert_int_equal(http_reader_feed(reader, (const uint8_t *)"\r\n", 2), 2);
    assert_non_null(http_reader_head(reader));
    struct api_call call = {.head = http_reader_head(reader),
                            .body = span_of(body),
                            .client = client,
                            .caller = world.caller};
    api_handle(world.api, &call, on_answer, to);
    http_reader_free(reader);
}

void ask(const char *client, const char *head, const char *body)
{
    reply_clear();
    begin_ask(client, head, body, &reply);
    if (world.meanwhile != NULL)
        world.meanwhile();
    if (world.each_turn != NULL)
        UNTIL((world.each_turn(), reply.calls > 0));
    else
        UNTIL(reply.calls > 0);
    check_reply();
}

static void write_target(const char *operation, char out[64])
{
    bool whole = strchr(operation, '.') != NULL;
    snprintf(out, 64, "%s%s", whole ? "" : "IoTSecuredTunneling.", operation);
}

void call(const char *operation, const char *body)
{
    char head[512], target[64];
    write_target(operation, target);
    snprintf(head, sizeof head, HEAD_OF("%s"), target);
    ask(HERE, head, body);
}

void callf(const char *operation, const char *format, ...)
{
    char *body = NULL;
    va_list args;
    va_start(args, format);
    assert_true(vasprintf(&body, format, args) > 0);
    va_end(args);
    call(operation, body);
    free(body);
}

void call_as(const char *id, const char *operation, const char *format, ...)
{
    char target[64], key_id[64], secret[96], headers[2048], head[4096];
    char *body = NULL;
    va_list args;
    va_start(args, format);
    assert_true(vasprintf(&body, format, args) > 0);
    va_end(args);
    write_target(operation, target);
    snprintf(key_id, sizeof key_id, "%s", id);
    snprintf(secret, sizeof secret, SECRET_OF("%s"), id);
    struct sigv4_credentials credentials = {.key_id = key_id, .secret = secret};
    struct sigv4_request r = {.host = HOST,
                              .path = "/",
                              .content_type = "application/x-amz-json-1.1",
                              .target = target,
                              .region = "us-east-1",
                              .body = span_of(body),
                              .now = world.now};
    assert_int_equal(sigv4_sign(&r, &credentials, headers, sizeof headers), ERR_OK);
    snprintf(head, sizeof head, HEAD_OF("%s") "%s", target, headers);
    ask(ELSEWHERE, head, body);
    free(body);
}

/* ---- what came ---- */

const char *text_of(const char *name)
{
    const cJSON *j = cJSON_GetObjectItemCaseSensitive(reply.json, name);
    if (!cJSON_IsString(j))
        fail_msg("no %s in %s", name, reply.body);
    return j->valuestring;
}

void must_succeed(void)
{
    if (reply.status != 200)
        fail_msg("%s", reply.body);
}

void must_fail(const char *error, int status, const char *words)
{
    if (strcmp(reply.error, error) != 0 || reply.status != status ||
        strstr(text_of("message"), words) == NULL)
        fail_msg("wanted %s (%d) with \"%s\": %s", error, status, words, reply.body);
}

void opened(char id[64])
{
    must_succeed();
    snprintf(id, 64, "%s", text_of("tunnelId"));
}

const cJSON *tunnel_member(const char *name)
{
    must_succeed();
    return cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(reply.json, "tunnel"),
                                            name);
}

void tunnel_has(const char *name, const char *value)
{
    const cJSON *j = tunnel_member(name);
    if (!cJSON_IsString(j))
        fail_msg("no %s in %s", name, reply.body);
    assert_string_equal(j->valuestring, value);
}

cJSON *last_audit(void)
{
    char *text = calloc(1, 1 << 22);
    FILE *f = fopen(world.audit_file, "rb");
    assert_non_null(text);
    assert_non_null(f);
    size_t n = fread(text, 1, (1 << 22) - 1, f);
    fclose(f);
    assert_true(n > 0 && text[n - 1] == '\n');
    text[n - 1] = '\0';
    char *line = strrchr(text, '\n');
    cJSON *j = cJSON_Parse(line != NULL ? line + 1 : text);
    assert_non_null(j);
    free(text);
    return j;
}

void audit_has(const char *name, const char *value)
{
    cJSON *line = last_audit();
    const cJSON *j = cJSON_GetObjectItemCaseSensitive(line, name);
    if (value == NULL)
        assert_null(j);
    else if (!cJSON_IsString(j))
        fail_msg("no %s in the audit log", name);
    else
        assert_string_equal(j->valuestring, value);
    cJSON_Delete(line);
}
