"""The settings: `load` gives them whole and checked, or says in one line why not."""

from adapters.secret import Secret as Secret
from ordo.config.brokers import Broker as Broker
from ordo.config.brokers import BrokerKeys as BrokerKeys
from ordo.config.brokers import Limits as Limits
from ordo.config.files import find_file as find_file
from ordo.config.limits import effective_limits as effective_limits
from ordo.config.listen import Address as Address
from ordo.config.listen import address as address
from ordo.config.listen import check_listen as check_listen
from ordo.config.listen import reachable as reachable
from ordo.config.load import Settings as Settings
from ordo.config.load import adapters_of as adapters_of
from ordo.config.load import load as load
from ordo.config.load import load_local as load_local
from ordo.config.sections import Alerts as Alerts
from ordo.config.sections import Audit as Audit
from ordo.config.sections import Auth as Auth
from ordo.config.sections import Clock as Clock
from ordo.config.sections import Data as Data
from ordo.config.sections import Events as Events
from ordo.config.sections import Kafka as Kafka
from ordo.config.sections import Log as Log
from ordo.config.sections import Market as Market
from ordo.config.sections import Orders as Orders
from ordo.config.sections import Server as Server
from ordo.config.sections import Telemetry as Telemetry
