#include "gateway/hub/redis/redis_greeting.h"

#include "core/base/log.h"
#include "core/base/text.h"
#include "gateway/hub/redis/redis_info.h"
#include "redis_library.h"

#include <stdio.h>
#include <string.h>

void redis_function(const char *name, char *out, size_t size)
{
    snprintf(out, size, "%s_" REDIS_LIBRARY, name);
}

/* ---- what is asked ---- */

static enum greeting_step fail(struct redis_greeting *g, enum err why, const char *what)
{
    g->why = why;
    snprintf(g->text, sizeof g->text, "%s", what);
    return GREETING_FAILED;
}

static enum greeting_step say(struct redis_greeting *g, enum greeting_state at,
                              const struct span *args, size_t n)
{
    struct redis_command *c = redis_command_new(args, n);
    g->at = at;
    if (c != NULL)
        c->kind = REDIS_GREETING;
    if (c != NULL && redis_link_send(g->link, c))
        return GREETING_GOES_ON;
    redis_command_free(c);
    return fail(g, ERR_NO_MEMORY, "cannot be asked: out of memory");
}

enum greeting_step redis_greet_again(struct redis_greeting *g)
{
    return say(g, INFO, (const struct span[]){span_of("INFO")}, 1);
}

enum greeting_step redis_greet(struct redis_greeting *g)
{
    struct span args[3] = {span_of("AUTH"), span_of(g->user), span_of(g->password)};
    g->heard = false;
    if (g->password == NULL)
        return redis_greet_again(g);
    if (g->user == NULL)
        args[1] = args[2];
    return say(g, LOGIN, args, g->user != NULL ? 3 : 2);
}

enum greeting_step redis_greet_load(struct redis_greeting *g)
{
    const struct span args[] = {
        span_of("FUNCTION"), span_of("LOAD"), {redis_library, sizeof redis_library}};
    return say(g, LIBRARY, args, 3);
}

/* A server that is full says that it has them, and takes none. */
static enum greeting_step look_for_functions(struct redis_greeting *g)
{
    const struct span args[] = {span_of("FUNCTION"), span_of("LIST"), span_of("LIBRARYNAME"),
                                span_of("tunnel_" REDIS_LIBRARY)};
    return say(g, LIST, args, 4);
}

static enum greeting_step ask_pin(struct redis_greeting *g)
{
    const struct span args[] = {span_of("HGET"), span_of(g->pin->key), span_of(g->pin->field)};
    return say(g, PIN, args, 3);
}

/* ---- what is answered ---- */

static enum greeting_step done(struct redis_greeting *g)
{
    g->checked = true;
    return GREETING_DONE;
}

static enum greeting_step fail_with_answer(struct redis_greeting *g, enum err why, const char *what,
                                           struct span answer)
{
    char shown[256];
    text_copy(answer, TEXT_UTF8, shown, sizeof shown);
    g->why = why;
    snprintf(g->text, sizeof g->text, "%s: %s", what, shown);
    return GREETING_FAILED;
}

static enum greeting_step denied(struct redis_greeting *g, struct span error)
{
    struct span rest = error, word = span_cut(&rest, ' ');
    const char *what = "denies this user a command that is needed (share/doc/cluster.md has the "
                       "list)";
    if (span_is(word, "NOAUTH"))
        what = "wants a password, and none was given";
    else if (span_is(word, "WRONGPASS"))
        what = g->user != NULL ? "does not take the user's name with this password"
                               : "does not take the password";
    return fail_with_answer(g, ERR_AUTH, what, error);
}

static enum greeting_step be_patient(struct redis_greeting *g, struct span answer)
{
    fail_with_answer(g, ERR_BUSY, "asks for patience", answer);
    return GREETING_PATIENCE;
}

/* ERR_OK: it will do, although it may have been warned of. */
static enum err judge(struct redis_greeting *g, const struct redis_info *info, char *text,
                      size_t size)
{
    bool lasting = false;
    enum err why = redis_info_check(info, g->kind, &lasting, text, size);
    if (why != ERR_OK && (lasting || !g->checked))
        return why;
    if (why != ERR_OK && !g->warned)
        log_error("Redis at %s %s", g->name, text);
    if (why == ERR_OK && g->warned)
        log_info("Redis at %s keeps what it is given again", g->name);
    g->warned = why != ERR_OK;
    return ERR_OK;
}

static enum greeting_step on_info(struct redis_greeting *g, struct span answer)
{
    struct redis_info info;
    char text[320];
    redis_info_read(answer, &info);
    if (info.redis && info.loading)
        return be_patient(g, span_of("it is loading its data"));
    enum err why = judge(g, &info, text, sizeof text);
    if (why != ERR_OK)
        return fail(g, why, text);
    return g->pin->key[0] != 0 ? ask_pin(g) : look_for_functions(g);
}

bool redis_greet_look(struct redis_greeting *g)
{
    struct redis_command *c = redis_command_new((const struct span[]){span_of("INFO")}, 1);
    if (c != NULL)
        c->kind = REDIS_LOOK;
    if (c != NULL && redis_link_send(g->link, c))
        return true;
    redis_command_free(c);
    return false;
}

bool redis_greet_looked(struct redis_greeting *g, const struct redis_reply *reply)
{
    struct redis_info info;
    char text[320];
    if (reply->type == REDIS_ERROR)
        return true; /* whoever asks for more is told */
    redis_info_read(redis_text(reply), &info);
    return judge(g, &info, text, sizeof text) == ERR_OK;
}

static enum greeting_step on_pin(struct redis_greeting *g, struct span value)
{
    if (span_is(value, g->pin->value))
        return look_for_functions(g);
    return fail(g, ERR_PROTOCOL, "has lost what hubs kept there, or is another one");
}

/* An error in place of what was asked for. */
static enum greeting_step on_error(struct redis_greeting *g, struct span error)
{
    if (g->at == LIBRARY && memmem(error.p, error.n, "already exists", 14) != NULL)
        return done(g); /* another hub was faster */
    switch (redis_trouble(error)) {
    case REDIS_MOVED: /* what is pinned is another shard's */
        return look_for_functions(g);
    case REDIS_WAIT:
        return be_patient(g, error);
    case REDIS_DENIED:
        return denied(g, error);
    case REDIS_FULL:
        return fail_with_answer(g, ERR_NO_MEMORY, "has no room", error);
    default:
        break;
    }
    return fail_with_answer(g, ERR_PROTOCOL,
                            g->at == LOGIN ? "was given a password that it does not want"
                                           : "does not take what it is asked",
                            error);
}

enum greeting_step redis_greet_answer(struct redis_greeting *g, const struct redis_reply *reply)
{
    struct span text = redis_text(reply);
    g->heard = true;
    if (reply->type == REDIS_ERROR)
        return on_error(g, text);
    switch (g->at) {
    case LOGIN:
        return redis_greet_again(g);
    case INFO:
        return on_info(g, text);
    case PIN:
        return on_pin(g, text);
    case LIST:
        return redis_count(reply) > 0 ? done(g) : redis_greet_load(g);
    default:
        return done(g);
    }
}
