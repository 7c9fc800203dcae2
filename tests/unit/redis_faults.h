/* A real redis-server whose answers get lost when a test wants it. To be linked with
 * -Wl,--wrap of redis_ask, redis_call and redis_up. */
#ifndef TESTS_UNIT_REDIS_FAULTS_H
#define TESTS_UNIT_REDIS_FAULTS_H

#include "gateway/hub/redis/redis.h"

enum redis_fault {
    REDIS_LOSES,   /* it is done, and the answer is ERR_BUSY */
    REDIS_REFUSES, /* it is not done, and the answer is ERR_BUSY */
    REDIS_HOLDS,   /* it is done after redis_faults_release */
    REDIS_REPEATS  /* it is done now, and again after redis_faults_release, which is answered */
};
struct redis_faults {
    struct loop *loop;
    bool away;           /* all are refused, and Redis is not up */
    const char *command; /* "HGETALL", "put": only these are counted; NULL: all */
    size_t count;        /* commands asked for since redis_faults_none or redis_faults_next */
    size_t at;           /* the command to which it happens, counted from 1; 0: none */
    enum redis_fault fault;
    /* Called with each command before it goes; may be NULL. */
    void (*before)(const char *command);
};
extern struct redis_faults redis_faults;
void redis_faults_none(struct loop *loop);
/* It happens to a command of that name after `skip` others of it. */
void redis_faults_next(const char *command, enum redis_fault fault, size_t skip);
bool redis_faults_struck(void); /* it has happened */
void redis_faults_release(void);

#endif
