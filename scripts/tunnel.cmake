# How every target of the project is compiled, and where its packages are found.
#   tunnel_library(core_net DEPENDS core_base PRIVATE pkg::uv)   all *.c of the folder but main.c
#                                                                and those after EXCEPT
#   tunnel_library(core_net COLD HOT socket.c)                   COLD: not on a byte's way, and so
#                                                                compiled for size, but those after HOT
#   tunnel_program(tunnel-agent SOURCES main.c DEPENDS destination)
#   tunnel_unit_test(socks DEPENDS source SOURCES socks_help.c)  test_socks.c, run by ctest as unit/socks
#   tunnel_python_tests(interop)                                 runs all test_*.py of the folder
#   tunnel_install_text(page.1 share/man/man1)                   a text with the installation's folders
# There is one static library per folder, so that an include in the wrong direction does not link.

# The names are tried in their order. Archives (libNAME.a) count only with TUNNEL_STATIC: then the
# programs carry everything but libc with them where Debian ships an archive.
function(tunnel_package name header)
  set(library ${name}_ARCHIVE)
  if(NOT TUNNEL_STATIC)
    set(library ${name}_LIB)
    list(FILTER ARGN EXCLUDE REGEX "\\.a$")
  endif()
  find_library(${library} NAMES ${ARGN} REQUIRED)
  find_path(${name}_INC NAMES ${header} REQUIRED)
  add_library(pkg::${name} INTERFACE IMPORTED GLOBAL)
  target_link_libraries(pkg::${name} INTERFACE ${${library}})
  target_include_directories(pkg::${name} SYSTEM INTERFACE ${${name}_INC})
endfunction()

tunnel_package(uv uv.h libuv_a.a uv)
target_link_libraries(pkg::uv INTERFACE pthread dl rt)
tunnel_package(bearssl bearssl.h libbearssl.a bearssl)
tunnel_package(cjson cjson/cJSON.h cjson)
tunnel_package(nanopb pb.h libprotobuf-nanopb.a protobuf-nanopb)
tunnel_package(sqlite3 sqlite3.h libsqlite3.a sqlite3)
target_link_libraries(pkg::sqlite3 INTERFACE m pthread dl)
tunnel_package(hiredis hiredis/read.h libhiredis.a hiredis)
tunnel_package(tinfo term.h libtinfo.a tinfo)
tunnel_package(ncurses curses.h libncursesw.a ncursesw)
target_link_libraries(pkg::ncurses INTERFACE pkg::tinfo)

# Optimisation and hardening are chosen below, once.
set(CMAKE_C_FLAGS_RELEASE "")
if(NOT DEFINED TUNNEL_RELRO)
  set(TUNNEL_RELRO -Wl,-z,relro,-z,now)
endif()

set(TUNNEL_OPTIMISE -O2)
if(TUNNEL_SMALL)
  set(TUNNEL_OPTIMISE -Os)
endif()

set(TUNNEL_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wvla -Wstrict-prototypes -Wmissing-prototypes)
if(TUNNEL_WERROR)
  list(APPEND TUNNEL_WARNINGS -Werror)
endif()

function(tunnel_compile target)
  target_compile_options(${target} PRIVATE ${TUNNEL_WARNINGS})
  target_compile_definitions(${target} PRIVATE _GNU_SOURCE TUNNEL_VERSION="${PROJECT_VERSION}")
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR})
  if(TUNNEL_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${TUNNEL_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    string(REPLACE "fuzzer-no-link," "" link_sanitize "${TUNNEL_SANITIZE}")
    target_link_options(${target} PRIVATE -fsanitize=${link_sanitize})
  endif()
  if(CMAKE_BUILD_TYPE STREQUAL Release)
    target_compile_options(${target} PRIVATE ${TUNNEL_OPTIMISE} -g1 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong -ffunction-sections -fdata-sections)
    target_link_options(${target} PRIVATE -pie ${TUNNEL_RELRO} -Wl,--gc-sections)
    if(TUNNEL_LTO)
      target_compile_options(${target} PRIVATE -flto)
      # In one piece, not in one for each processor; the linker has nothing to take out of it.
      target_link_options(${target} PRIVATE -flto=auto -flto-partition=one -fno-function-sections)
    endif()
  endif()
endfunction()

function(tunnel_library name)
  cmake_parse_arguments(A "COLD" "" "EXCEPT;DEPENDS;PRIVATE;HOT" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} *.c)
  list(REMOVE_ITEM sources main.c ${A_EXCEPT})
  if(A_COLD)
    set(cold ${sources})
    list(REMOVE_ITEM cold ${A_HOT})
    set_source_files_properties(${cold} PROPERTIES COMPILE_OPTIONS "$<$<CONFIG:Release>:-Os>")
  endif()
  add_library(${name} STATIC ${sources})
  tunnel_compile(${name})
  target_link_libraries(${name} PUBLIC ${A_DEPENDS} PRIVATE ${A_PRIVATE})
endfunction()

function(tunnel_program name)
  cmake_parse_arguments(A "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${A_SOURCES})
  tunnel_compile(${name})
  target_link_libraries(${name} PRIVATE ${A_DEPENDS})
  if(TUNNEL_LINK_MAPS)
    target_link_options(${name} PRIVATE -Wl,-Map=$<TARGET_FILE:${name}>.map)
  endif()
  install(TARGETS ${name})
  set_property(GLOBAL APPEND PROPERTY TUNNEL_PROGRAMS ${name}) # share/man has a page for each
endfunction()

function(tunnel_unit_test name)
  cmake_parse_arguments(A "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(test_${name} test_${name}.c ${A_SOURCES})
  tunnel_compile(test_${name})
  target_compile_options(test_${name} PRIVATE -Wno-missing-prototypes)
  target_link_libraries(test_${name} PRIVATE test_support ${A_DEPENDS} cmocka)
  set_target_properties(test_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME unit/${name} COMMAND test_${name})
  set_tests_properties(unit/${name} PROPERTIES TIMEOUT 300)
endfunction()

# Each test_NAME.py of the folder is the ctest test FOLDER/NAME. LONG ones start first. BUSY ones,
# which compute for minutes rather than wait, count twice. ENV adds to their environment, which has
# the programs' folder and the integration tests' harness.
function(tunnel_python_tests folder)
  cmake_parse_arguments(A "" "" "LONG;BUSY;ENV" ${ARGN})
  find_package(Python3 3.11 COMPONENTS Interpreter REQUIRED)
  file(GLOB files CONFIGURE_DEPENDS test_*.py)
  foreach(file ${files})
    get_filename_component(module ${file} NAME_WE)
    string(REPLACE "test_" "" name ${module})
    add_test(NAME ${folder}/${name}
      COMMAND ${Python3_EXECUTABLE} -B -W ignore::ResourceWarning -m unittest -v ${module}
      WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
    set_tests_properties(${folder}/${name} PROPERTIES
      TIMEOUT 600
      LABELS ${folder}
      ENVIRONMENT "TUNNEL_BIN=${CMAKE_BINARY_DIR}/bin;PYTHONPATH=${CMAKE_SOURCE_DIR}/tests/integration;${A_ENV}")
    if(name IN_LIST A_LONG)
      set_tests_properties(${folder}/${name} PROPERTIES COST 10)
    endif()
    if(name IN_LIST A_BUSY)
      set_tests_properties(${folder}/${name} PROPERTIES PROCESSORS 2)
    endif()
  endforeach()
endfunction()

# Installs a text in which /usr/bin/ and /usr/share/doc/tunnel/ stand for the folders in use.
function(tunnel_install_text file destination)
  get_filename_component(name ${file} NAME)
  install(CODE "
    set(text_file \"${file}\")
    set(text_to \"${CMAKE_CURRENT_BINARY_DIR}/installed/${name}\")
    set(text_destination \"${destination}\")
    set(text_bindir \"${CMAKE_INSTALL_BINDIR}\")
    set(text_docdir \"${CMAKE_INSTALL_DOCDIR}\")")
  install(SCRIPT ${CMAKE_SOURCE_DIR}/scripts/install_text.cmake)
endfunction()
