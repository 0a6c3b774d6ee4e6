#pragma once

namespace bitloom::program {

/// Characters in a line of the terminal that standard output is; 80 where it is none or does not say.
int terminal_columns();

}  // namespace bitloom::program
