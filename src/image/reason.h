// SPDX-License-Identifier: Apache-2.0
#pragma once

// Why a container image or a folder was refused. Stable: scripts may rely on them.
namespace cofferdam::image::reason {

inline constexpr char kMalformed[] = "malformed";              // Not the format it should be.
inline constexpr char kBadPath[] = "bad_path";                 // "..", absolute, NUL, too long.
inline constexpr char kThroughLink[] = "path_through_link";    // A parent is a symbolic link.
inline constexpr char kThroughFile[] = "path_through_file";    // A parent is no directory.
inline constexpr char kDuplicate[] = "duplicate_entry";        // Twice in one layer.
inline constexpr char kTooLarge[] = "too_large";               // Over a limit.
inline constexpr char kTruncated[] = "truncated";              // Ends too early.
inline constexpr char kMissingBlob[] = "missing_blob";         // Named, but not there.
inline constexpr char kDigestMismatch[] = "digest_mismatch";   // Not the bytes that were named.
inline constexpr char kUnsupported[] = "unsupported";          // A format or type we do not take.
inline constexpr char kNoSuchPlatform[] = "no_such_platform";  // Not of this architecture.
inline constexpr char kNoSuchImage[] = "no_such_image";        // Not of this name.
inline constexpr char kAmbiguous[] = "ambiguous_image";        // Several images: say which.
inline constexpr char kUnknownUser[] = "unknown_user";         // A USER the image does not know.
inline constexpr char kNoCommand[] = "no_command";             // Nothing to run.
inline constexpr char kNoConfig[] = "no_config";               // No agent.toml for the agent.
inline constexpr char kConflict[] = "conflict";                // In the place of our own file.

}  // namespace cofferdam::image::reason
