// support/catch.hpp - Catch2, whichever of its two versions the machine has.
#ifndef PLUGRELOAD_TESTS_SUPPORT_CATCH_HPP_
#define PLUGRELOAD_TESTS_SUPPORT_CATCH_HPP_

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif

#endif  // PLUGRELOAD_TESTS_SUPPORT_CATCH_HPP_
