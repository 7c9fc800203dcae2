# cmake --install runs this before anything else, because half an installation is worse than none.
file(STRINGS "${check_list}" files)
foreach(file ${files})
  if(NOT EXISTS "${file}")
    message(FATAL_ERROR "${file} is not built, so nothing is installed. First: "
      "cmake --build ${check_build} --target programs")
  endif()
endforeach()
