# No journal is kept here, but all that programs have printed.
as_here() {
    sed -E -e 's#^journalctl -u tunnel-hub -g ([a-z]+)#cat /tmp/shell-*/*.out | grep "^.2.*warning.*\1"#' \
        -e 's#^journalctl -u tunnel-device -g ([a-z]+)#cat /tmp/shell-*/*.out | grep "^.2.*error.*\1"#'
}
