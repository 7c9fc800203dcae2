/* Native sessions at random: two ends and the hub's real relay over a network that splits, delays
 * and cuts, with hubs that are restarted, processes that are, and ends of V3 in between. For each
 * connection and direction what arrives is a prefix of what was sent, and all of it where nobody
 * disturbed it; nobody sends beyond a window, and nobody holds more than the budget.
 *
 * A second world has no cuts, but services and clients that stop reading, stay or give up, and more
 * of them all the time: a fresh connection to one that reads gets its answer within the stall time
 * all the same, and nothing of the others stays behind for long.
 *
 * Time is the test's own: a turn of the loop is a millisecond. SEED=n replays one seed;
 * TEST_PART=i/n plays the i-th part of all. */
#ifndef TESTS_UNIT_NATIVE_RANDOM_HELP_H
#define TESTS_UNIT_NATIVE_RANDOM_HELP_H

#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/net/socket.h"
#include "core/tunnel/session_internal.h"
#include "core/ws/frame.h"
#include "gateway/hub/relay/relay.h"
#include "tests/support/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define MAX_PAIRS 48
#define CALM_AFTER 2500 /* turns; later nothing is disturbed that could hide a standstill */

unsigned dice(unsigned n);

/* ---- time ---- */

extern const struct time_source world_time;
void random_of_world(void *out, size_t n);

/* ---- the world ---- */

/* One side of a connection's bytes: the program at a socket. */
struct program {
    int fd; /* -1: closed */
    size_t to_send, sent, got;
    bool eof, half_closes, shut;
    struct conn *conn; /* alive in the session */
    bool was_open;
    int ended;
    enum err why;
};

struct pair {
    struct program client, service;
    uint32_t connection;
    int32_t stream;
    bool native, disturbed, refused, answered, cut; /* cut: a transport was lost during its life */
    int dialling;                                   /* turns until the service answers */
    int number;
    bool hung, probe;                /* of the second world */
    uint64_t opened_ms, gives_up_ms; /* the client leaves; 0: never */
};
extern struct pair pairs[MAX_PAIRS];

struct end {
    struct session *session;
    enum side role;
    char instance[32];
    int processes;
    struct buf up, down; /* on their way to the hub, and from it */
    size_t room;
    bool attached, at_hub;   /* as the session and as the hub see it */
    bool cut;                /* nothing passes any more; both will notice */
    bool up_full, down_full; /* somebody waits for room */
    bool up_paused, down_paused;
    bool in_input, native;
};
extern struct end ends[SIDE_COUNT];

extern struct loop *loop;
extern size_t n_pairs, n_opened;

extern int turns, trouble; /* how often something happens: once in so many turns */

extern unsigned seed_now;

/* ---- the network ---- */

/* From the session to the hub. */
void carry_up(struct end *e);

/* From the hub to the session. */
void carry_down(struct end *e);
void disturb_all(void);
void hub_notices(struct end *e);
void connect_end(struct end *e);
void new_hub(void);

/* ---- the sessions ---- */

struct stream *open_side(struct program *s);
extern const struct conn_events client_events;
extern const struct session_events session_events;

/* ---- the programs at both ends ---- */

/* What it says from there on: of each connection and direction something else, for 1 MB each. */
const uint8_t *bytes_at(const struct pair *p, bool up, size_t at, size_t n);
void hang_up(struct program *s);
void write_some(struct pair *p, struct program *s, bool up);
void read_some(struct pair *p, struct program *s, bool up);

/* ---- what must hold at any time ---- */

void check_sums(const struct session *s);

/* ---- one world ---- */

void end_world(void);
void begin_world(unsigned seed);
void run_world(void (*each_turn)(uv_idle_t *i));

/* Which ones of so many are to be played. */
void seeds(unsigned all, unsigned *from, unsigned *to);

#endif
