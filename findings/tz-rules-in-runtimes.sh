#!/usr/bin/env bash
# A device without a database of time zones says its zone as a rule, as OpenWrt does: TZ='AEST-10AEDT,M10.1.0,M4.1.0/3' (POSIX). It
# is in the environment of all programs there.
# Guess: every program has the local time of date(1); Node and Java, which come with time zones of their own, at least where
# the rule is no more than an offset.
# Seen: musl 1.2.3 does, where a rule is given; of CET-1CEST, without one, it makes summer all year. Node 20.20.2 takes all that
# have a rule, and <+0330>-3:30, for UTC, without a word, but knows CST-8 and MST7. Java 17.0.19 takes the offset that holds at the
# moment at which it starts, for all times: until the next start it is one hour off for the other half of the year, for old
# entries at once. And GMT-2 is two hours east for POSIX, and two hours west for Java.
set -euo pipefail
t=$(mktemp -d)
trap 'rm -rf "$t"' EXIT
cd "$t"
npm install --silent --no-audit --no-fund --no-package-lock node@20.20.2
apt-get -q -o APT::Sandbox::User=root download musl-dev=1.2.3-1 openjdk-17-jre-headless=17.0.19+10-1~deb12u2 >/dev/null
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
musl=$(gcc -print-multiarch | sed 's/-gnu/-musl/')
sed "s|/usr/[a-z]*/$musl|$t/root&|g" root/usr/lib/"$musl"/musl-gcc.specs >musl.specs
cat >local.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        time_t at = atol(argv[i]);
        char text[20];
        strftime(text, sizeof text, "%H:%M%z", localtime(&at));
        printf("%s ", text);
    }
}
C
gcc -specs musl.specs -static -o with-musl local.c
cat >Local.java <<'JAVA'
import java.text.SimpleDateFormat;
import java.util.Date;
public class Local {
    public static void main(String[] times) {
        for (String at : times)
            System.out.print(new SimpleDateFormat("HH:mmZ").format(new Date(Long.parseLong(at) * 1000)) + " ");
    }
}
JAVA
cat >local.cjs <<'JS'
for (const at of process.argv.slice(2)) {
    const text = new Date(at * 1000).toTimeString()
    process.stdout.write(text.slice(0, 5) + text.slice(12, 17) + ' ')
}
JS
java=$(echo "$t"/root/usr/lib/jvm/java-17-openjdk-*/bin/java)
times=(1768000000 1783000000) # 9 January and 2 July 2026
changed=no
try() { # ZONE, THEN WHAT IS EXPECTED OF musl, Node AND Java: date FOR date's TIMES
    local zone=$1 date at program expected seen n=1
    local -A seen
    date=$(for at in "${times[@]}"; do TZ=$zone date -d "@$at" '+%H:%M%z '; done | tr -d '\n')
    seen[musl]=$(TZ=$zone ./with-musl "${times[@]}") seen[Node]=$(TZ=$zone node_modules/node/bin/node local.cjs "${times[@]}")
    seen[Java]=$(TZ=$zone "$java" Local.java "${times[@]}")
    echo "$zone: date $date"
    for program in musl Node Java; do
        n=$((n + 1)) expected=${!n}
        echo "    $program ${seen[$program]}"
        [ "$expected" != date ] || expected=$date
        [ "$expected" = "${seen[$program]}" ] || changed=yes
    done
}
fixed() { # ZONE: ITS OFFSET OF NOW, FOR ALL TIMES
    local now at
    now=$(TZ=$1 date +%z)
    # POSIX has the sign the other way round
    for at in "${times[@]}"; do TZ="now$(echo "$now" | tr -- '+-' '-+' | sed 's/..$/:&/')" date -d "@$at" "+%H:%M$now "; done | tr -d '\n'
}
utc="23:06+0000 13:46+0000 "
for zone in AEST-10AEDT,M10.1.0,M4.1.0/3 CET-1CEST,M3.5.0,M10.5.0/3 'IST-2IDT,M3.4.4/26,M10.5.0' '<-02>2<-01>,M3.5.0/-1,M10.5.0/0'; do
    try "$zone" date "$utc" "$(fixed "$zone")"
done
try '<+0330>-3:30' date "$utc" date
try CST-8 date date date
try MST7 date date date
try CET-1CEST "01:06+0200 15:46+0200 " "$utc" "$(fixed CET-1CEST)"
try GMT-2 date date "21:06-0200 11:46-0200 "
[ "$changed" = no ]
