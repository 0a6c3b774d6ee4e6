#pragma once

namespace bitloom {

/// Lets SIGINT and SIGTERM only set a flag from now on; call it before any other thread starts. A second signal, more
/// than half a second later, ends the process at once with code 130, so that a program that never polls can still be
/// stopped.
void install_handler();

/// Says whether a signal came. Long loops poll it at a point where their results are complete, store them and throw
/// Interrupted; it is safe from any thread.
bool interrupted();

/// Sets or clears the flag by hand: tests use it in place of a signal.
void set_interrupted(bool value);

/// Thrown by a long run that stopped because interrupted() became true. The program ends with code 130.
struct Interrupted {};

}  // namespace bitloom
