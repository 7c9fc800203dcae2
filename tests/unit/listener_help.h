
#ifndef TESTS_UNIT_LISTENER_HELP_H
#define TESTS_UNIT_LISTENER_HELP_H

#include "tests/support/net.h"

#include "core/base/log.h"
#include "core/net/listener.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* ---- listeners ---- */

struct house {
    struct listener *listener;
    struct probe guests[64];
    int n;
    bool leave; /* free the listener when somebody comes */
    int hold;   /* hold it when so many are there; 0: never */
};

extern const struct listener_events house_events;
enum err open_house(struct house *h, const char *where);
void close_house(struct house *h);

/* Somebody comes at fd, and both ends talk. */
void assert_welcome(struct house *h, int fd);

/* ---- out of descriptors ---- */

extern bool no_open; /* as if another thread had taken the last descriptor */

#define NET_TEST(f) cmocka_unit_test_setup_teardown(f, loop_begin, loop_end)
#define DIR_TEST(f) cmocka_unit_test_setup_teardown(f, dir_begin, dir_end)

#endif
