// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// UNDER_ADDRESS_SANITIZER is defined in a build with AddressSanitizer, by gcc or clang; its leak
// checker can be talked to then.
#ifndef STAYD_BASE_SANITIZER_H
#define STAYD_BASE_SANITIZER_H

#ifdef __SANITIZE_ADDRESS__
#define UNDER_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ADDRESS_SANITIZER
#endif
#endif

#ifdef UNDER_ADDRESS_SANITIZER
#include <sanitizer/lsan_interface.h>
#endif

#endif
