/* Who may call the API, what is no call at all, and what the audit log and the counters say of it.
 */
#ifndef TESTS_UNIT_API_ACCESS_HELP_H
#define TESTS_UNIT_API_ACCESS_HELP_H

#include "tests/support/api.h"

#define KEYS                                                                                       \
    "[key ADMIN]\nsecret = " SECRET_OF(                                                            \
        "ADMIN") "\n"                                                                              \
                 "[key READER]\nsecret = " SECRET_OF(                                              \
                     "READER") "\n"                                                                \
                               "operations = DescribeTunnel ListTunnels ListTagsForResource\n"     \
                               "[key PLANT]\nsecret = " SECRET_OF(                                 \
                                   "PLANT") "\n"                                                   \
                                            "things = plant-*\nservices = SSH* "                   \
                                            "HTTP1\nclient-modes = SOURCE\nmay-delete = no\n"      \
                                            "[key OPS]\nsecret = " SECRET_OF(                      \
                                                "OPS") "\ntags = team=ops site\n"

#endif
