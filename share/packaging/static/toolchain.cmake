# Static programs with musl, for the architecture of the folder TUNNEL_SYSROOT that
# share/packaging/static/sysroot made. TUNNEL_EMULATOR runs its programs here.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES TUNNEL_SYSROOT)
set(CMAKE_C_COMPILER ${TUNNEL_SYSROOT}/bin/cc)
foreach(tool AR RANLIB STRIP)
  string(TOLOWER ${tool} name)
  set(CMAKE_${tool} ${TUNNEL_SYSROOT}/bin/${name} CACHE FILEPATH "")
endforeach()
set(CMAKE_CROSSCOMPILING_EMULATOR ${TUNNEL_EMULATOR})

set(CMAKE_FIND_ROOT_PATH ${TUNNEL_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)

# What is linked of an archive is what is used of it: a section for each function and object. No
# table of how to unwind the stack: nothing in C needs it.
# Nothing in a program tells where it was built.
set(CMAKE_C_FLAGS_INIT "-ffile-prefix-map=${CMAKE_SOURCE_DIR}/= -fPIE -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables -fno-unwind-tables")

# Small machines have little flash and cache, and most of their time goes into BearSSL's AES or
# ChaCha20: there everything is compiled for size.
if(TUNNEL_SYSROOT MATCHES "/armv7/")
  set(TUNNEL_SMALL ON)
endif()

# Programs are optimised as a whole, which takes another few percent away.
set(TUNNEL_LTO ON)

# musl makes nothing read-only after relocation in static programs, so that there is no use in the
# padding for it, which are up to 64 KB on ARM.
set(TUNNEL_RELRO -Wl,-z,norelro)

# What is inside a program, for its SBOM: bin/PROGRAM.map
set(TUNNEL_LINK_MAPS ON)
