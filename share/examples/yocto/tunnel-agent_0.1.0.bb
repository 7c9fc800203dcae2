# The static agent of a release (scripts/release) in an image of Yocto's. It needs no library of the
# image's; its unit is that of a device that stands by (share/doc/agent.md).
SUMMARY = "Device end of secure tunnels"
LICENSE = "Apache-2.0 & MIT & Zlib & GPL-3.0-with-GCC-exception"
LIC_FILES_CHKSUM = "file://LICENSE;md5=3b83ef96387f14655fc854ddc3c6bd57"

RELEASE_ARCH:x86-64 = "x86_64"
RELEASE_ARCH:aarch64 = "aarch64"
RELEASE_ARCH:arm = "armv7"
COMPATIBLE_HOST = "(x86_64|aarch64|arm.*hf).*-linux"

# The release's archive lies beside the recipe, in files/; its sum is in the release's SHA256SUMS.
SRC_URI = "file://tunnel-${PV}-linux-${RELEASE_ARCH}.tar.gz"
S = "${WORKDIR}/tunnel-${PV}-linux-${RELEASE_ARCH}"

inherit systemd

SYSTEMD_SERVICE:${PN} = "tunnel-device.service"
INSANE_SKIP:${PN} += "already-stripped"

do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -D -m 0755 ${S}/bin/tunnel-agent ${D}${bindir}/tunnel-agent
    install -d -m 0700 ${D}${sysconfdir}/tunnel-agent
    install -d ${D}${systemd_system_unitdir}
    sed -e 's,/usr/local/bin/,${bindir}/,' ${S}/lib/systemd/system/tunnel-device.service \
        > ${D}${systemd_system_unitdir}/tunnel-device.service
}

FILES:${PN} += "${systemd_system_unitdir}/tunnel-device.service"
