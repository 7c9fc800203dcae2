# cmake --install runs this for each text in which /usr/bin/ and /usr/share/doc/tunnel/ stand for
# the folders of the installation, because --prefix may be given as late as then (tunnel.cmake).
foreach(folder bindir docdir)
  cmake_path(ABSOLUTE_PATH text_${folder} BASE_DIRECTORY "${CMAKE_INSTALL_PREFIX}")
endforeach()
file(READ "${text_file}" text)
string(REPLACE "/usr/bin/" "${text_bindir}/" text "${text}")
string(REPLACE "/usr/share/doc/tunnel/" "${text_docdir}/" text "${text}")
file(WRITE "${text_to}" "${text}")
file(INSTALL "${text_to}" DESTINATION "${CMAKE_INSTALL_PREFIX}/${text_destination}")
