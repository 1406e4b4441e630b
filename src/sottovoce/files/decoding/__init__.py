"""From the bytes of a file to samples: one module for each family of formats.

``raw`` gives bytes; ``riff``, ``aiff``, ``caf``, ``w64`` and ``sphere`` find the samples of
uncompressed files, ``pcm`` reads them; ``flac``, ``ogg`` and ``mpeg`` walk through streams and
count; ``sndfile`` and ``containers`` are the decoders of libsndfile and FFmpeg.  `opening` chooses.
"""
