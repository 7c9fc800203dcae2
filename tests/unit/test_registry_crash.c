/* kill -9 at any moment: what the registry has said to be done is done after a restart.
 *
 * A child process changes tunnels and writes down on a pipe what it asks for and what it was told;
 * the parent kills it, opens the same folder and looks. What was told is there; what was asked for
 * may be; nothing else is. */
#include "tests/support/registry.h"

#include "core/base/random.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#define ROUNDS 40
#define AT_ONCE 20 /* tunnels that the child opens before it waits */
#define CLIENT "11111111111111111111111111111111"

static struct loop *loop;
static struct registry *registry;

static void open_registry(void)
{
    struct registry_options o = {.loop = loop, .folder = folder};
    char text[512] = "";
    enum err why;
    registry = registry_new(&o, &why, text, sizeof text);
    if (registry == NULL) {
        fprintf(stderr, "%s: %s\n", err_name(why), text);
        abort();
    }
}

/* ---- the child ---- */

/* What happens to a tunnel after it was opened. */
enum what { WHAT_NOTHING, WHAT_CLOSE, WHAT_REMOVE, WHAT_USE, WHAT_ROTATE, WHAT_COUNT };

struct step {
    char id[64], source[32], destination[32];
    enum what what;
};

static uint32_t random_state;

static uint32_t random_below(uint32_t n)
{
    random_state = random_state * 1664525 + 1013904223;
    return (random_state >> 8) % n;
}

/* Whole lines, so that the parent reads none in half: "opened ID", "asked WHAT ID", "done WHAT ID".
 */
static void say(const char *what, const struct step *s)
{
    char line[96];
    int n = snprintf(line, sizeof line, "%s %d %s\n", what, s->what, s->id);
    if (write(STDOUT_FILENO, line, (size_t)n) != n)
        abort();
}

static void open_one(struct step *s);

static void on_used(void *ctx, struct admission a)
{
    struct step *s = ctx;
    if (a.tunnel == NULL)
        abort();
    say("done", s);
    open_one(s);
}

static void on_changed(void *ctx, enum err why, const struct tunnel_record *t)
{
    struct step *s = ctx;
    if (why != ERR_OK || (t == NULL) != (s->what == WHAT_REMOVE))
        abort();
    say("done", s);
    open_one(s);
}

static void use(struct step *s)
{
    struct admission_request q = {
        .side = SIDE_SOURCE, .token = span_of(s->source), .client_token = span_of(CLIENT)};
    registry_admit(registry, &q, on_used, s);
}

/* The new token is the tunnel's id, so that the parent knows it. */
static void rotate(struct step *s)
{
    registry_rotate(registry, s->id, TOKENS(s->id, NULL), on_changed, s);
}

static void on_opened(void *ctx, enum err why, const struct tunnel_record *t)
{
    struct step *s = ctx;
    if (why != ERR_OK)
        abort();
    snprintf(s->id, sizeof s->id, "%s", t->id);
    s->what = WHAT_NOTHING;
    say("opened", s);
    s->what = (enum what)random_below(WHAT_COUNT);
    say("asked", s);
    if (s->what == WHAT_NOTHING)
        open_one(s);
    else if (s->what == WHAT_USE)
        use(s);
    else if (s->what == WHAT_ROTATE)
        rotate(s);
    else
        registry_close(registry, s->id, s->what == WHAT_REMOVE, on_changed, s);
}

static void open_one(struct step *s)
{
    struct tunnel_record r = {.thing = strdup("plant7"), .lifetime_minutes = 60};
    uint64_t n;
    random_bytes(&n, sizeof n);
    snprintf(s->source, sizeof s->source, "s%llx", (unsigned long long)n);
    snprintf(s->destination, sizeof s->destination, "d%llx", (unsigned long long)n);
    texts_add(&r.services, span_of("SSH1"));
    tags_set(&r.tags, span_of("site"), span_of("north"));
    registry_open(registry, &r, TOKENS(s->source, s->destination), 0, on_opened, s);
}

static int child(const char *where, const char *seed)
{
    static struct step steps[AT_ONCE];
    snprintf(folder, sizeof folder, "%s", where);
    random_state = (uint32_t)strtoul(seed, NULL, 10);
    loop = loop_new();
    open_registry();
    for (size_t i = 0; i < AT_ONCE; i++)
        open_one(&steps[i]);
    loop_run(loop); /* until it is killed */
    return 1;
}

/* ---- the parent ---- */

/* What it said of a tunnel, in all rounds. */
struct told {
    char id[40];
    bool opened, asked[WHAT_COUNT], done[WHAT_COUNT];
};

static struct told *all;
static size_t n_all;

static struct told *told_of(const char *id)
{
    for (size_t i = n_all; i > 0; i--)
        if (strcmp(all[i - 1].id, id) == 0)
            return &all[i - 1];
    all = realloc(all, (n_all + 1) * sizeof *all);
    all[n_all] = (struct told){0};
    snprintf(all[n_all].id, sizeof all->id, "%s", id);
    return &all[n_all++];
}

static void take_line(const char *line)
{
    char word[16], id[40];
    unsigned what;
    assert_int_equal(sscanf(line, "%15s %u %39s", word, &what, id), 3);
    assert_true(what < WHAT_COUNT);
    struct told *t = told_of(id);
    t->opened |= strcmp(word, "opened") == 0;
    t->asked[what] |= strcmp(word, "asked") == 0;
    t->done[what] |= strcmp(word, "done") == 0;
}

/* Reads lines until there are n more or the pipe ends; the last one may be in half, then it was not
 * said. */
static void read_lines(FILE *from, size_t n)
{
    char line[128];
    while (n-- > 0 && fgets(line, sizeof line, from) != NULL) {
        char *end = strchr(line, '\n');
        if (end == NULL)
            return;
        *end = '\0';
        take_line(line);
    }
}

static pid_t start(unsigned seed, FILE **out)
{
    extern char **environ;
    posix_spawn_file_actions_t actions;
    char number[16];
    char *const argv[] = {(char[]){"test_registry_crash"}, (char[]){"child"}, folder, number, NULL};
    int pipes[2];
    pid_t pid;
    snprintf(number, sizeof number, "%u", seed);
    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipes[1], STDOUT_FILENO);
    assert_int_equal(posix_spawn(&pid, "/proc/self/exe", &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(pipes[1]);
    *out = fdopen(pipes[0], "r");
    assert_non_null(*out);
    return pid;
}

/* It is so when that was done, and only when it was asked for. */
static void is_so(const struct told *t, enum what what, bool so)
{
    if (so ? !t->asked[what] : t->done[what])
        fail_msg("tunnel %s: change %d %s", t->id, what, so ? "was never asked for" : "is lost");
}

static void compare(void)
{
    for (size_t i = 0; i < n_all; i++) {
        const struct told *t = &all[i];
        const struct tunnel_record *found = registry_find(registry, span_of(t->id));
        assert_true(t->opened);
        is_so(t, WHAT_REMOVE, found == NULL);
        if (found == NULL)
            continue;
        const struct record_side *source = &found->sides[SIDE_SOURCE];
        assert_int_equal(found->services.n, 1);
        assert_int_equal(found->tags.n, 1);
        assert_int_equal(source->has_client, source->used);
        is_so(t, WHAT_CLOSE, found->closed != 0);
        is_so(t, WHAT_USE, source->used);
        is_so(t, WHAT_ROTATE, registry_by_token(registry, span_of(t->id)) == found);
    }
}

static void test_crash(void **state)
{
    size_t before = 0;
    (void)state;
    random_state = 42;
    for (unsigned round = 0; round < ROUNDS; round++) {
        FILE *out;
        pid_t pid = start(round, &out);
        read_lines(out, 1 + random_below(400));
        usleep(random_below(3000));
        kill(pid, SIGKILL);
        read_lines(out, SIZE_MAX);
        fclose(out);
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        assert_true(n_all > before);
        before = n_all;
        open_registry();
        compare();
        registry_free(registry);
    }
    print_message("%zu tunnels in %d rounds\n", n_all, ROUNDS);
}

static int setup(void **state)
{
    (void)state;
    log_setup(LOG_OFF, false);
    make_folder();
    loop = loop_new();
    return loop == NULL;
}

static int teardown(void **state)
{
    (void)state;
    free(all);
    loop_free(loop);
    remove_folder();
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_crash, setup, teardown)};
    if (argc == 4 && strcmp(argv[1], "child") == 0)
        return child(argv[2], argv[3]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
