/* Whether a device accepts who wants something of it: always, never (in a maintenance window), or
 * as a command of the device's owner says. */
#ifndef GATEWAY_DESTINATION_ACCEPTANCE_H
#define GATEWAY_DESTINATION_ACCEPTANCE_H

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/device/device_reason.h"
#include "core/net/loop.h"
#include "gateway/destination/device_request.h"

#define ACCEPTANCE_COMMAND_MS 30000 /* a command that has not ended by then rejects */
#define ACCEPTANCE_GRACE_MS 2000    /* or by so long after the hub should have withdrawn it */
#define ACCEPTANCE_AT_ONCE 16       /* commands that run at a time; further notices are rejected */
#define ACCEPTANCE_WORDS_MAX 256    /* bytes of a reason */
#define ACCEPTANCE_ARGUMENTS_MAX 32 /* words of a command, with the program itself */

struct acceptance;
struct acceptance_question;

/* command: a program and its arguments, separated by blanks, without quotes, 1 to
 * ACCEPTANCE_ARGUMENTS_MAX words; no shell is run. The program is a path or a name in PATH. NULL:
 * there is no command. NULL: no memory. */
struct acceptance *acceptance_new(struct loop *loop, const char *command, bool never);
/* Ends what runs: no answer comes. Its handles close when the processes that were killed are gone,
 * so the loop has to run for that. NULL is fine. */
void acceptance_free(struct acceptance *a);

/* Further notices go by this command, as above; questions at hand by the old one. */
enum err acceptance_command(struct acceptance *a, const char *command);
void acceptance_set(struct acceptance *a, bool never);
bool acceptance_is_never(const struct acceptance *a);

/* why: the reason, for people: printable UTF-8; lives until this returns. */
typedef void acceptance_done(void *owner, bool accepted, enum device_code code, const char *why);
/* Asks for `device`'s request, which must live until the answer; `done` is called once, from inside
 * without a command. Returns the question while it is open, else NULL.
 *
 * The command's environment is ours and TUNNEL_DEVICE, TUNNEL_ID, TUNNEL_SERVICES (separated by
 * commas), TUNNEL_SERVICE, TUNNEL_WHO and TUNNEL_WHY, whose texts have been through the gate
 * (core/base/text.h). With 0 it accepts; otherwise the first line of its output, or else of its
 * errors, is the reason. It has a process group of its own, which is killed when it takes too long.
 */
struct acceptance_question *acceptance_ask(struct acceptance *a, const char *device,
                                           const struct device_request *request,
                                           acceptance_done *done, void *owner);
/* The answer is not wanted any more: the command is killed, and `done` is not called. */
void acceptance_cancel(struct acceptance_question *q);

#endif
