"""Every error that AgriSeg raises on purpose.

::

    AgrisegError                 the message is one sentence for the user
    ├── ConfigError              a configuration file, key or value
    ├── CameraError              a camera, video or image source
    │   └── CameraLostError      it was there and stopped delivering
    ├── ImageFileError           a single image or mask file
    ├── ModelFileError           a model bundle
    ├── RegistryError            the registry of models, or a packed model
    ├── LearningError            a job of learning, here or on another computer
    ├── DatasetError             training or evaluation data
    ├── LabelError               a label project or its files
    │   └── ProjectInUseError    somebody else edits it
    ├── CalibrationError         geometry that cannot be used
    ├── ControllerError          the sprayer controller or the wire to it
    │   ├── PortError            the serial port: absent, busy, not permitted
    │   └── ProtocolError        the other end speaks something else
    ├── BoundaryError            a field boundary or its file
    ├── ExportError              a run's maps in other programs' formats
    ├── RecordingError           a run's files
    │   └── DiskFullError        no room left to record
    └── EngineError              a process of ours stopped or fell silent

The command line prints the message and exits with status 2; the window shows
it as a dialog or an alarm.
"""


class AgrisegError(Exception):
    """Base of all expected errors; ``str(error)`` is written for the user."""


class ConfigError(AgrisegError):
    """A configuration file, key or value cannot be used."""


class CameraError(AgrisegError):
    """A camera, video or folder of images cannot be used."""


class CameraLostError(CameraError):
    """A source that had delivered frames stopped doing so."""


class ImageFileError(AgrisegError):
    """An image or mask file is missing, unreadable or of the wrong form."""


class ModelFileError(AgrisegError):
    """A model bundle is damaged, of another kind or of another version."""


class RegistryError(AgrisegError):
    """The registry of models, its keys, or a packed model cannot be used."""


class LearningError(AgrisegError):
    """A job of learning cannot be begun, continued or reached."""


class DatasetError(AgrisegError):
    """Training or evaluation data cannot be used."""


class LabelError(AgrisegError):
    """A label project cannot be read, written or changed in the asked way."""


class ProjectInUseError(LabelError):
    """Somebody else edits the label project now."""


class CalibrationError(AgrisegError):
    """Geometry that cannot be used, such as a camera looking at the sky."""


class ControllerError(AgrisegError):
    """The sprayer controller, or the link to it, failed."""


class PortError(ControllerError):
    """The serial port is absent, busy or not permitted."""


class ProtocolError(ControllerError):
    """The other end of the wire speaks another protocol or version."""


class BoundaryError(AgrisegError):
    """A field boundary cannot be used: its file, its form or its place."""


class ExportError(AgrisegError):
    """A run's maps or records cannot be written in another program's format."""


class RecordingError(AgrisegError):
    """A run cannot be written or read."""


class DiskFullError(RecordingError):
    """No room is left for the recording."""


class EngineError(AgrisegError):
    """The field engine stopped, or could not be started."""
