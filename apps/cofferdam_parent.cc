// SPDX-License-Identifier: Apache-2.0
#include "parent/program.h"

int main(int argc, char** argv) { return cofferdam::parent::run_program(argc, argv); }
