#!/usr/bin/env bash
# Numbers of valid JSON, read and written again by the three C libraries of Debian.
# Guess: cJSON, which has doubles only, gives back every double as it was, and so the integers up to 2^53;
# json-c and jansson, which have 64-bit integers, give back a counter of 64 bits.
# Seen: cJSON writes 15 digits and takes that for good if it is nearly the same: JavaScript's largest safe integer
# comes back smaller by one, and of random doubles one in six changes. jansson refuses the whole document for an
# integer over 2^63 - 1. json-c keeps it up to 2^64 - 1 and makes everything greater that number, without a word.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
apt-get -q -o APT::Sandbox::User=root download libcjson-dev=1.7.15-1+deb12u4 libcjson1=1.7.15-1+deb12u4 \
    libjansson-dev=2.14-2 libjansson4=2.14-2 libjson-c-dev=0.16-2 libjson-c5=0.16-2 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
lib=$t/root/usr/lib/$(gcc -print-multiarch)
export LD_LIBRARY_PATH="$lib"
cat >cjson.c <<'C'
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
static double again(double d)
{
    cJSON *item = cJSON_CreateNumber(d);
    char *text = cJSON_PrintUnformatted(item);
    double seen = strtod(text, NULL);
    free(text);
    cJSON_Delete(item);
    return seen;
}
int main(int argc, char **argv)
{
    if (argc > 1) {
        char *text = cJSON_PrintUnformatted(cJSON_Parse(argv[1]));
        puts(text);
        return 0;
    }
    int changed = 0;
    srand48(1);
    for (int i = 0; i < 100000; i++) {
        double d = drand48();
        changed += again(d) != d;
    }
    printf("%d\n", (changed + 500) / 1000);
    return 0;
}
C
cat >jansson.c <<'C'
#include <jansson.h>
int main(int argc, char **argv)
{
    json_error_t error;
    json_t *value = json_loads(argv[argc - 1], 0, &error);
    puts(value != NULL ? json_dumps(value, JSON_COMPACT) : "refused");
    return 0;
}
C
cat >json-c.c <<'C'
#include <json-c/json.h>
#include <stdio.h>
int main(int argc, char **argv)
{
    enum json_tokener_error error;
    struct json_object *value = json_tokener_parse_verbose(argv[argc - 1], &error);
    puts(value != NULL ? json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN) : "refused");
    return 0;
}
C
for name in cjson jansson json-c; do gcc -I root/usr/include -o "with-$name" "$name.c" -L "$lib" "-l$name"; done
changed=no
try() { # JSON CJSON JANSSON JSON-C
    local seen
    seen="$(./with-cjson "$1")|$(./with-jansson "$1")|$(./with-json-c "$1")"
    echo "$1: $seen"
    [ "$seen" = "$2|$3|$4" ] || changed=yes
}
echo "cJSON 1.7.15 | jansson 2.14 | json-c 0.16"
try '[1234567890123456]' '[1234567890123456]' '[1234567890123456]' '[1234567890123456]'
try '[9007199254740991]' '[9.00719925474099e+15]' '[9007199254740991]' '[9007199254740991]'
try '[18446744073709551615]' '[1.8446744073709552e+19]' refused '[18446744073709551615]'
try '[100000000000000000000]' '[1e+20]' refused '[18446744073709551615]'
percent=$(./with-cjson)
echo "cJSON changes $percent % of random doubles"
[ "$percent" = 16 ] || changed=yes
[ $changed = no ] || { echo "this has changed" >&2; exit 1; }
