
#ifndef TESTS_UNIT_SIGV4_HELP_H
#define TESTS_UNIT_SIGV4_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/aws/sigv4.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Requests as the AWS CLI 2.9.19 sent them, with its key AKIDEXAMPLE / wJalrXUtnFEMI. */
#define SECRET "wJalrXUtnFEMI"

#define MAX_LINES 14

struct line {
    const char *name, *value;
};

struct request {
    const char *target;
    struct line lines[MAX_LINES];
    const char *body;
    int64_t now;
};

#define SCOPE "/20261120/us-east-1/IoTSecuredTunneling/aws4_request"
#define CREDENTIAL "Credential=AKIDEXAMPLE" SCOPE
#define SIGNED "SignedHeaders=content-type;host;x-amz-date;x-amz-target"
#define HEX "4e26a1b27a8c9f324999efa376bacd4e92d451788336b2eb9793f226d4f15c6d"
#define SIGNATURE "Signature=" HEX
#define SCHEME "AWS4-HMAC-SHA256 "
#define NOW 1795207430000

extern const struct request open_tunnel;

#define AUTHORIZATION 5 /* its line */

/* --endpoint-url http://localhost:28765/x//y/../z, AWS_SESSION_TOKEN set */
extern const struct request with_token;
struct http_reader *head_of(const struct request *r);
enum sigv4_verdict check_secret(const struct request *r, const char *key);
enum sigv4_verdict check(const struct request *r);
enum sigv4_verdict check_authorization(const char *value);
void add(struct request *r, const char *name, const char *value);

#endif
